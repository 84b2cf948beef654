//! The compose file: which services there are, and what they should be made of. It belongs to the site's user, so that
//! nothing in it is trusted; the reader has bounds against files that blow up.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Further than this nobody follows `extends`.
const DEEPEST: usize = 16;

/// The services of a compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposeFile {
    services: BTreeMap<String, Described>,
}

/// What a service should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// The image that it names; nothing when it is built, or when a variable decides.
    pub image: Option<String>,
    /// How many containers it should have; nothing when a variable decides.
    pub replicas: Option<u64>,
}

#[derive(Deserialize)]
struct File {
    services: Option<BTreeMap<String, Option<Service>>>,
}

#[derive(Default, Deserialize)]
struct Service {
    image: Option<String>,
    deploy: Option<Deploy>,
    scale: Option<Number>,
    extends: Option<Extends>,
}

#[derive(Deserialize)]
struct Deploy {
    replicas: Option<Number>,
}

/// A number, or the variable that decides about it.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Number {
    Known(u64),
    Unknown(#[serde(deserialize_with = "ignored")] ()),
}

fn ignored<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| ())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Extends {
    Short(String),
    Long { service: String },
}

impl Extends {
    fn service(&self) -> &str {
        match self {
            Self::Short(service) | Self::Long { service } => service,
        }
    }
}

impl ComposeFile {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one line.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the compose file is not UTF-8".to_owned())?;
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.to_string().lines().next().unwrap_or_default().to_owned();
            format!("the compose file cannot be read: {line}")
        })?;
        let raw: BTreeMap<String, Service> = file
            .services
            .unwrap_or_default()
            .into_iter()
            .map(|(name, service)| (name, service.unwrap_or_default()))
            .collect();
        let services = raw.keys().map(|name| (name.clone(), described(&raw, name)));
        Ok(Self { services: services.collect() })
    }

    /// A service that should have containers.
    pub(super) fn service(&self, name: &str) -> Option<&Described> {
        self.services.get(name).filter(|service| service.replicas != Some(0))
    }
}

/// What a service is after all that it extends.
fn described(raw: &BTreeMap<String, Service>, name: &str) -> Described {
    let (mut image, mut number) = (None, None);
    let mut at = raw.get(name);
    for _ in 0..DEEPEST {
        let Some(service) = at else { break };
        image = image.or(service.image.as_ref());
        let own = service.deploy.as_ref().and_then(|deploy| deploy.replicas).or(service.scale);
        number = number.or(own);
        at = service.extends.as_ref().and_then(|extends| raw.get(extends.service()));
    }
    let replicas = match number {
        None => Some(1),
        Some(Number::Known(number)) => Some(number),
        Some(Number::Unknown(())) => None,
    };
    // Where a variable decides, what it extends decides no more.
    Described { image: image.filter(|image| !image.contains('$')).cloned(), replicas }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_with_containers_are_known_by_name_through_what_they_extend() {
        let file = ComposeFile::read(
            b"
x-common: &common
  restart: always
services:
  rabbitmq: { image: 'rabbitmq:3', ports: ['127.0.0.1:5672:5672'] }
  base: { build: ., deploy: { replicas: 0 } }
  app: { extends: { service: base }, deploy: { replicas: 2 } }
  manage: { extends: base }
  fast: { extends: app }
  some: { <<: *common, image: 'x:${TAG}', deploy: { replicas: '${N}' } }
  own: { extends: rabbitmq, image: 'rabbitmq:${TAG}' }
  bare:
",
        )
        .unwrap();
        assert_eq!(file.service("rabbitmq").unwrap().image.as_deref(), Some("rabbitmq:3"));
        assert_eq!(file.service("app").unwrap().replicas, Some(2));
        assert_eq!(file.service("fast").unwrap().replicas, Some(2));
        assert_eq!(file.service("some"), Some(&Described { image: None, replicas: None }));
        assert_eq!(file.service("own").unwrap().image, None, "the variable decides, and not what it extends");
        assert!(file.service("bare").is_some());
        for none in ["base", "manage", "ruby-markup"] {
            assert_eq!(file.service(none), None, "{none}");
        }
    }

    #[test]
    fn a_file_that_blows_up_or_is_none_is_refused_in_one_line() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
            + &(0..12).fold(String::new(), |text, n| {
                let (own, last) = (char::from(b'b' + n), char::from(b'a' + n));
                text + &format!("{own}: &{own} [{}]\n", vec![format!("*{last}"); 9].join(","))
            });
        for wrong in [bomb.as_bytes(), b"services: 3", b"services: [", b"\xff\xfe", b"- a"] {
            let error = ComposeFile::read(wrong).unwrap_err();
            assert!(!error.contains('\n') && error.contains("compose file"), "{error}");
        }
        assert_eq!(ComposeFile::read(b"services:").unwrap(), ComposeFile::default());
    }
}
