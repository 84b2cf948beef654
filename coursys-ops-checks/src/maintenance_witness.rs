//! What the site and its broker answer, for those who look at its maintenance; and the looks themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::maintenance::{Facts, Flag, Page, Witness, look};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::service::Service;
use coursys_ops_core::{Check, Scope};
use hyper::header::HeaderName;

use crate::broker_patience::in_time;
use crate::garbage::excerpt;
use crate::http::{Request, Response, Target, send};
use crate::workers::Control;

/// By which nginx knows who may pass.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How long the site may take to answer. A page that takes longer is not the one of maintenance.
const PATIENCE: Duration = Duration::from_secs(4);

/// The same of the broker, for who only looks.
const OF_BROKER: Duration = Duration::from_secs(4);

/// A look at everything takes no longer.
const TIMEOUT: Duration = Duration::from_secs(12);

/// What nginx puts into the pages that it makes up itself.
const OF_NGINX: &[u8] = b"<center>nginx";

/// The one who asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SiteWitness;

#[async_trait]
impl Witness for SiteWitness {
    async fn page(&self, scope: &Scope) -> Page {
        match ask(scope, None).await {
            Ok(answer) => read(&answer),
            Err(finding) => Page::Silent(finding.message),
        }
    }

    async fn consumers(&self, scope: &Scope) -> Result<BTreeMap<String, u32>, String> {
        consumers(scope, OF_BROKER).await.map_err(|finding| finding.message)
    }
}

/// How many consumers each of the site's queues has; the broker is waited for so long at most.
///
/// # Errors
///
/// The finding that says what is wrong with the broker.
pub(crate) async fn consumers(scope: &Scope, patience: Duration) -> Result<BTreeMap<String, u32>, Finding> {
    let conversation = async {
        let mut control = Control::open(scope).await?;
        let mut found = BTreeMap::new();
        let server = &scope.config().broker.server;
        for queue in &scope.config().celery.queues {
            let consumers = control.consumers(queue).await.map_err(|error| error.finding(server))?;
            found.insert(queue.clone(), consumers);
        }
        control.close().await;
        Ok(found)
    };
    in_time(scope, patience, conversation).await
}

/// The status that who may pass is answered with.
///
/// # Errors
///
/// Why there is no answer.
pub(crate) async fn bypass(scope: &Scope, address: &str) -> Result<u16, String> {
    ask(scope, Some(address)).await.map(|answer| answer.status).map_err(|finding| finding.message)
}

async fn ask(scope: &Scope, forwarded_for: Option<&str>) -> Result<Response, Finding> {
    let web = &scope.config().web;
    let Some(host) = web.hosts.first() else { return Err(Finding::not_configured("web.hosts")) };
    let mut request = Request::get(&web.page).host(host);
    if let Some(address) = forwarded_for {
        request = request.header(FORWARDED_FOR, address);
    }
    let answer = tokio::time::timeout(PATIENCE, send(scope, &Target::server(&web.server), &request)).await;
    answer.unwrap_or_else(|_| {
        let message = format!("the site gives no answer within {} s", PATIENCE.as_secs());
        Err(Finding::failed(Code::Timeout, message, "look at nginx and at its log"))
    })
}

fn read(answer: &Response) -> Page {
    let of_nginx = answer.body.windows(OF_NGINX.len()).any(|part| part == OF_NGINX);
    match answer.status {
        503 if of_nginx => {
            Page::Other("the site answers 503 with a page of nginx, not with that of maintenance".to_owned())
        }
        503 => Page::Maintenance,
        status @ 100..=499 => Page::Served(status),
        status => {
            let begins = excerpt(&answer.body);
            Page::Other(format!("the site answers {status}: {begins}"))
        }
    }
}

/// Looks at the maintenance, as a check, so that it runs as checks do; what it saw is taken out afterwards.
pub struct MaintenanceLook {
    spec: CheckSpec,
    services: Vec<Arc<dyn Service>>,
    asks: bool,
    seen: Mutex<Option<Facts>>,
}

impl MaintenanceLook {
    /// A look with these services.
    #[must_use]
    pub fn new(services: Vec<Arc<dyn Service>>) -> Self {
        let spec = CheckSpec::new("glance.maintenance", "Maintenance").timeout(TIMEOUT);
        Self { spec, services, asks: true, seen: Mutex::default() }
    }

    /// The same for who wants to know how things are on this machine: neither the site nor its broker is asked.
    #[must_use]
    pub fn of_this_machine(services: Vec<Arc<dyn Service>>) -> Self {
        Self { asks: false, ..Self::new(services) }
    }

    /// What was seen; nothing before the look, when it took too long, or when the layout has no flag.
    #[must_use]
    pub fn take(&self) -> Option<Facts> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Looks at the flag alone, which is there to be seen when systemd or Docker keeps everybody waiting.
pub struct FlagLook {
    spec: CheckSpec,
    seen: Mutex<Option<Flag>>,
}

impl FlagLook {
    /// A look.
    #[must_use]
    pub fn new() -> Self {
        Self { spec: CheckSpec::new("glance.flag", "Flag").timeout(TIMEOUT), seen: Mutex::default() }
    }

    /// What was seen; nothing before the look, or when it took too long.
    #[must_use]
    pub fn take(&self) -> Option<Flag> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Default for FlagLook {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Check for FlagLook {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let flag = Flag::look(scope).await;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(flag);
        vec![Finding::passed("looked at")]
    }
}

#[async_trait]
impl Check for MaintenanceLook {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let facts = look(scope, &self.services, self.asks.then_some(&SiteWitness as &dyn Witness)).await;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = facts;
        vec![Finding::passed("looked at")]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use coursys_ops_core::context::{Caller, Context};
    use coursys_ops_core::process::Helper;
    use coursys_ops_core::run::{Cancel, Options, run};

    use super::*;
    use crate::testing::{config, free_port, mute};

    #[tokio::test]
    async fn a_broker_that_says_nothing_hides_nothing_else() {
        let mut config = config();
        config.broker.server.port = mute().await;
        config.web.server.host = Some("127.0.0.1".to_owned());
        config.web.server.port = free_port().await;
        config.web.hosts = vec!["coursys.test".to_owned()];
        let place = config.broker.server.place();
        let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
        let context = Arc::new(Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0"));
        let looker = Arc::new(MaintenanceLook::new(Vec::new()));
        let checks: Vec<Arc<dyn Check>> = vec![looker.clone()];
        let (started, never) = (Instant::now(), Cancel::never());
        run(&checks, &context, &Options::default(), &never, Default::default(), &mut |_| ()).await;
        assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
        let facts = looker.take().expect("the look is not lost");
        let said = format!("RabbitMQ at {place} gives no answer within 4 s");
        assert_eq!(facts.consumers, Some(Err(said)));
        assert!(
            matches!(&facts.page, Some(Page::Silent(why)) if why.contains("refused")),
            "{:?}",
            facts.page
        );
    }
}
