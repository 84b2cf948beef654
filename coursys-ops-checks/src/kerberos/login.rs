//! Taking the site's ticket: with a name and a password, which makes its keytab anew, or with the keytab that there is.

use std::path::{Path, PathBuf};

use coursys_ops_core::Scope;
use coursys_ops_core::config::Kerberos;
use coursys_ops_core::helper::{Ask, FileLook, Refusal};
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{Command, User};
use coursys_ops_core::secret::Secret;

use super::cache_path;
use super::ccache::Cache;
use super::keytab;
use super::programs::{KINDS, Programs, skewed};
use super::store::{self, New, Request};
use crate::helper_answer::ask;

/// Larger files are none of Kerberos', in bytes.
const LONGEST: u64 = 1 << 20;

/// What Kerberos itself tolerates between two clocks, in seconds.
const SKEW_S: i64 = 300;

/// A ticket. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose it is.
    pub principal: String,
    /// From when it is good.
    pub starts: i64,
    /// Until when it is good.
    pub ends: i64,
    /// Until when it can be renewed; nothing when it cannot.
    pub renewable_until: Option<i64>,
    /// The file that it is in.
    pub cache: PathBuf,
}

/// Whom to log in as.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name, without the realm.
    pub name: String,
    /// The name with the realm.
    pub principal: String,
    /// The password.
    pub password: Secret,
}

impl Login {
    /// Name and password as somebody typed them; the realm is the site's.
    ///
    /// # Errors
    ///
    /// The finding that says what cannot be right: a name that is none, another realm, an unusable password.
    pub fn new(kerberos: &Kerberos, typed: &str, password: Secret) -> Result<Self, Finding> {
        let (name, principal) = principal(kerberos, typed)?;
        if password.expose().is_empty() || password.expose().contains(|c: char| c.is_control()) {
            let message = "the password is empty, or holds a character that no password has";
            return Err(Finding::failed(Code::AccessDenied, message, "type it again"));
        }
        Ok(Self { name, principal, password })
    }
}

/// The name and the whole principal that somebody means.
///
/// # Errors
///
/// As those of [`Login::new`].
pub fn principal(kerberos: &Kerberos, typed: &str) -> Result<(String, String), Finding> {
    let configured = kerberos.principal.as_deref().and_then(|principal| principal.split_once('@'));
    let realm = kerberos.realm.as_deref().or(configured.map(|(_, realm)| realm));
    let realm = realm.ok_or_else(|| Finding::not_configured("kerberos.realm"))?;
    let (name, said) = match typed.split_once('@') {
        Some((name, said)) => (name, Some(said)),
        None => (typed, None),
    };
    if let Some(said) = said.filter(|said| *said != realm) {
        return Err(Finding::failed(
            Code::WrongRealm,
            format!(
                "the realm of `{}` is not `{realm}`, in which the site's account is",
                said.escape_debug()
            ),
            "type the name without a realm, or correct `kerberos.realm`",
        ));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '$');
    if name.is_empty() || name.starts_with('-') || !name.chars().all(good) {
        return Err(Finding::failed(
            Code::UnknownPrincipal,
            format!("`{}` is no name of an account", name.escape_debug()),
            "type the name of the account that reads the reporting database",
        ));
    }
    let principal = format!("{name}@{realm}");
    match &kerberos.principal {
        Some(configured) if *configured != principal => Err(Finding::failed(
            Code::WrongPrincipal,
            format!("the site's account is `{configured}` by `kerberos.principal`, not `{principal}`"),
            "correct the name, or `kerberos.principal`",
        )),
        _ => Ok((name.to_owned(), principal)),
    }
}

/// The files of the site's ticket.
struct Files {
    username: Option<PathBuf>,
    keytab: PathBuf,
    cache: PathBuf,
}

/// Does things as the site's user.
struct Site<'a> {
    programs: Programs<'a>,
    files: Files,
    place: PathBuf,
}

impl<'a> Site<'a> {
    async fn new(scope: &'a Scope) -> Result<Self, Finding> {
        let kerberos = &scope.config().kerberos;
        let user = scope.site_user().await.map_err(|mut finding| {
            // Who may not do it gets no warning of a check that was left out.
            finding.status = coursys_ops_core::model::Status::Failed;
            finding
        })?;
        let uid = user.as_ref().map_or(scope.context().caller.uid, |user| user.uid);
        let keytab = kerberos.keytab.clone().ok_or_else(|| Finding::not_configured("kerberos.keytab"))?;
        let place = store::place(parent(&keytab), std::process::id());
        let files =
            Files { username: kerberos.username_file.clone(), keytab, cache: cache_path(kerberos, uid) };
        Ok(Self { programs: Programs { scope, user }, files, place })
    }

    const fn scope(&self) -> &Scope {
        self.programs.scope
    }

    fn user(&self) -> Option<User> {
        self.programs.user.clone()
    }

    async fn store(&self, request: &Request) -> Result<(), Finding> {
        let failed =
            |why: String| Finding::unknown(Code::HelperFailed, format!("the helper process failed: {why}"));
        let input = serde_json::to_vec(request).map_err(|error| failed(error.to_string()))?;
        let command = Command::ask(Ask::Further(store::NAME)).user(self.user()).input(input);
        let output = self.scope().run(command).await.map_err(|error| failed(error.to_string()))?;
        let answer: Result<(), Refusal> =
            serde_json::from_slice(&output.stdout).map_err(|_| failed(output.complaint()))?;
        answer.map_err(|refusal| refused(&refusal))
    }

    /// Makes the directories and a place to work in.
    async fn begin(&self) -> Result<(), Finding> {
        let mut directories = vec![parent(&self.files.keytab).to_owned()];
        if let Some(username) = &self.files.username {
            let other = parent(username).to_owned();
            if !directories.contains(&other) {
                directories.push(other);
            }
        }
        self.store(&Request::Begin(directories, std::process::id())).await
    }

    async fn end(&self) {
        // The next one takes it away, if this fails.
        let _ = self.store(&Request::End(self.place.clone())).await;
    }

    async fn read(&self, path: &Path, what: &str) -> Result<Vec<u8>, Finding> {
        let look = ask::<FileLook>(self.scope(), Ask::File(path.to_owned(), LONGEST), self.user()).await?;
        let look = look.map_err(|refusal| refused(&refusal))?;
        look.content.bytes().ok_or_else(|| {
            let message = format!("the {what} is no regular file, or too long");
            Finding::failed(Code::NotAFile, message, "move away what is there in its place")
        })
    }

    /// The ticket in a cache.
    async fn ticket(&self, cache: &Path) -> Result<(Ticket, Vec<u8>), Finding> {
        let bytes = self.read(cache, "ticket cache").await?;
        let garbage = |why: String| {
            let hint = "look at the version of Kerberos that is installed";
            Finding::failed(Code::Garbage, format!("the ticket cache cannot be understood: {why}"), hint)
        };
        let parsed = Cache::parse(&bytes).map_err(|why| garbage(why.to_string()))?;
        let ticket =
            parsed.granting().ok_or_else(|| garbage("it holds no ticket to get others with".to_owned()))?;
        let ticket = Ticket {
            principal: parsed.principal.to_string(),
            starts: ticket.starts.into(),
            ends: ticket.ends.into(),
            renewable_until: (ticket.renew_until != 0).then(|| ticket.renew_until.into()),
            cache: self.files.cache.clone(),
        };
        Ok((ticket, bytes))
    }

    /// The ticket that was taken just now.
    async fn fresh(&self, principal: &str, cache: &Path) -> Result<(Ticket, Vec<u8>), Finding> {
        let (ticket, bytes) = self.ticket(cache).await?;
        let now = self.scope().context().clock.now().as_second();
        // The library makes up for another clock; servers to which the ticket is shown do not.
        let ahead = ticket.starts - now;
        if ahead.abs() > SKEW_S {
            let way = if ahead > 0 { "behind" } else { "ahead of" };
            let message =
                format!("this machine's clock is {} s {way} that of the Kerberos server", ahead.abs());
            return Err(skewed(message));
        }
        if ticket.principal != principal {
            let message = format!("the ticket is one of `{}`", ticket.principal.escape_debug());
            return Err(Finding::failed(Code::WrongRealm, message, "compare `kerberos.realm`"));
        }
        Ok((ticket, bytes))
    }

    /// The new keytab, with every key that it must have.
    async fn keytab(&self, principal: &str, path: &Path) -> Result<Vec<u8>, Finding> {
        let bytes = self.read(path, "new keytab").await?;
        let entries = keytab::parse(&bytes).unwrap_or_default();
        let has = |kind: u16| {
            entries.iter().any(|entry| entry.kind == kind && entry.principal.to_string() == principal)
        };
        if let Some((missing, _)) = KINDS.iter().find(|(_, kind)| !has(*kind)) {
            let message = format!("`ktutil` made no key of the kind `{missing}`");
            return Err(Finding::failed(Code::WeakKey, message, "look at `ktutil` and at `/etc/krb5.conf`"));
        }
        Ok(bytes)
    }

    async fn make(&self, login: &Login) -> Result<Ticket, Finding> {
        let (by_password, by_key) = (self.place.join("by-password"), self.place.join("by-key"));
        let new = self.place.join("keytab");
        let (principal, password) = (&login.principal, &login.password);
        self.programs.with_password(principal, password, &by_password).await?;
        self.fresh(principal, &by_password).await?;
        self.programs.keytab(principal, password, &new).await?;
        let key = self.keytab(principal, &new).await?;
        // The keys are good when the server takes them.
        self.programs.with_keytab(principal, &new, &by_key).await?;
        let (ticket, bytes) = self.fresh(principal, &by_key).await?;
        let mut files = vec![New { path: self.files.keytab.clone(), content: key }];
        if let Some(path) = &self.files.username {
            files.push(New { path: path.clone(), content: format!("{}\n", login.name).into_bytes() });
        }
        files.push(New { path: self.files.cache.clone(), content: bytes });
        self.store(&Request::Install(files)).await?;
        Ok(ticket)
    }

    /// Whose ticket the last login was for.
    async fn principal(&self) -> Result<String, Finding> {
        let kerberos = &self.scope().config().kerberos;
        if let Some(principal) = &kerberos.principal {
            return Ok(principal.clone());
        }
        let path = self.files.username.as_ref();
        let path = path.ok_or_else(|| Finding::not_configured("kerberos.username_file"))?;
        let name = self.read(path, "file of the account's name").await?;
        Ok(principal(kerberos, String::from_utf8_lossy(&name).trim())?.1)
    }

    async fn refresh(&self) -> Result<Ticket, Finding> {
        let principal = self.principal().await?;
        // What it holds is read first: `kinit` would follow a link.
        self.read(&self.files.keytab, "keytab").await?;
        let cache = self.place.join("by-key");
        self.programs.with_keytab(&principal, &self.files.keytab, &cache).await?;
        let (ticket, bytes) = self.fresh(&principal, &cache).await?;
        let files = vec![New { path: self.files.cache.clone(), content: bytes }];
        self.store(&Request::Install(files)).await?;
        Ok(ticket)
    }
}

/// Makes the site's keytab and name anew and takes a ticket, all or nothing.
///
/// # Errors
///
/// The finding that says why not; the files are as they were then.
pub async fn make(scope: &Scope, login: &Login) -> Result<Ticket, Finding> {
    let site = Site::new(scope).await?;
    site.begin().await?;
    let made = site.make(login).await;
    site.end().await;
    made
}

/// Takes a ticket with the keytab that there is.
///
/// # Errors
///
/// The finding that says why not; the old ticket is as it was then.
pub async fn refresh(scope: &Scope) -> Result<Ticket, Finding> {
    let site = Site::new(scope).await?;
    site.begin().await?;
    let taken = site.refresh().await;
    site.end().await;
    taken
}

/// The ticket that there is, whether good or not.
///
/// # Errors
///
/// The finding that says why it cannot be read.
pub async fn current(scope: &Scope) -> Result<Ticket, Finding> {
    let site = Site::new(scope).await?;
    Ok(site.ticket(&site.files.cache).await?.0)
}

/// Takes away what a login left that was stopped in the middle.
pub async fn tidy(scope: &Scope) {
    if let Ok(site) = Site::new(scope).await {
        site.end().await;
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn refused(refusal: &Refusal) -> Finding {
    use rustix::io::Errno;
    if refusal.is(Errno::NOSPC) || refusal.is(Errno::DQUOT) {
        let message = format!("there is no space left: {}", refusal.message);
        return Finding::failed(Code::LowSpace, message, "make room where the keytab is, and in /tmp");
    }
    if refusal.is(Errno::NOENT) {
        return Finding::failed(Code::NotFound, refusal.message.clone(), "make it with `coursys-ops kinit`");
    }
    if refusal.errno.is_none() {
        let hint = "move away what is there in its place";
        return Finding::failed(Code::NotAFile, refusal.message.clone(), hint);
    }
    let hint = "give the directory to the site's user, and look at its mount";
    Finding::failed(Code::NotWritable, refusal.message.clone(), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn kerberos() -> Kerberos {
        Kerberos { realm: Some("AD.SFU.CA".to_owned()), principal: None, ..config().kerberos }
    }

    #[test]
    fn a_name_is_completed_by_the_sites_realm_and_no_other_realm_is_taken() {
        let whole = |typed: &str| principal(&kerberos(), typed).map(|(_, whole)| whole).map_err(|f| f.code);
        assert_eq!(whole("csdept"), Ok("csdept@AD.SFU.CA".to_owned()));
        assert_eq!(whole("csdept@AD.SFU.CA"), Ok("csdept@AD.SFU.CA".to_owned()));
        assert_eq!(whole("csdept@ad.sfu.ca"), Err(Code::WrongRealm));
        for name in ["", "-k", "two words", "a\nquit", "a\"b", "ü", "@AD.SFU.CA"] {
            assert_eq!(whole(name), Err(Code::UnknownPrincipal), "{name:?}");
        }
    }

    #[test]
    fn a_configured_principal_is_the_only_one() {
        let kerberos = Kerberos { principal: Some("a@AD.SFU.CA".to_owned()), realm: None, ..kerberos() };
        assert!(principal(&kerberos, "a").is_ok());
        assert_eq!(principal(&kerberos, "b").unwrap_err().code, Code::WrongPrincipal);
    }

    #[test]
    fn a_password_that_would_be_two_lines_is_refused() {
        for password in ["", "a\nwkt /etc/x", "a\r", "a\0"] {
            assert!(Login::new(&kerberos(), "a", Secret::new(password)).is_err(), "{password:?}");
        }
    }
}
