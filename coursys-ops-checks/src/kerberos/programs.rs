//! The programs of MIT Kerberos: how they are called, and what their complaints mean.

use std::path::Path;
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::config::Kerberos;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::process::{Command, Output, User};
use coursys_ops_core::secret::{Redactor, Secret};
use tokio::time::timeout;

use crate::garbage::excerpt;

/// How long a server may take: `kinit` asks every server several times before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The kinds of key in the keytab, as `ktutil` calls them; their numbers are 18 and 17.
pub(super) const KINDS: [(&str, u16); 2] = [("aes256-cts-hmac-sha1-96", 18), ("aes128-cts-hmac-sha1-96", 17)];

/// The version that the keys get. Whoever asks for a ticket with a keytab takes the newest, and there is no other.
const VERSION: &str = "1";

/// What the programs say when a disk is full; the last two are what they make of it.
const FULL: [&str; 4] =
    ["no space left", "disk quota", "credentials cache i/o operation failed", "unsupported key table format"];

/// Calls the programs as the site's user.
pub(super) struct Programs<'a> {
    pub(super) scope: &'a Scope,
    pub(super) user: Option<User>,
}

impl Programs<'_> {
    fn command(&self, argv: &[&str]) -> Command {
        let command = Command::new(argv.iter().copied()).user(self.user.clone()).dir("/");
        match &self.kerberos().config {
            Some(config) => command.env("KRB5_CONFIG", config),
            None => command,
        }
    }

    fn kerberos(&self) -> &Kerberos {
        &self.scope.config().kerberos
    }

    async fn run(&self, command: Command) -> Result<Output, Finding> {
        let ended = timeout(PATIENCE.min(self.scope.remaining()), self.scope.run(command)).await;
        let failed = |why: String| Finding::unknown(Code::HelperFailed, why);
        ended.map_err(|_| no_answer())?.map_err(|error| failed(error.to_string()))
    }

    /// Takes a ticket with a password, into this cache.
    pub(super) async fn with_password(
        &self,
        principal: &str,
        password: &Secret,
        cache: &Path,
    ) -> Result<(), Finding> {
        let command = self.command(&["kinit", "-c", &file(cache), principal]);
        let output = self.run(command.input(format!("{}\n", password.expose()))).await?;
        let output = without(output, password);
        judge(&output, principal, With::Password)
    }

    /// Takes a ticket with a keytab, into this cache.
    pub(super) async fn with_keytab(
        &self,
        principal: &str,
        keytab: &Path,
        cache: &Path,
    ) -> Result<(), Finding> {
        let command = self.command(&["kinit", "-k", "-t", &file(keytab), "-c", &file(cache), principal]);
        judge(&self.run(command).await?, principal, With::Keytab)
    }

    /// Makes a keytab of a password: the server says how the password is salted, where `ktutil` can ask it.
    pub(super) async fn keytab(
        &self,
        principal: &str,
        password: &Secret,
        keytab: &Path,
    ) -> Result<(), Finding> {
        let mut complaint = String::new();
        for salted in [" -f", ""] {
            let mut said: String = KINDS
                .iter()
                .map(|(kind, _)| {
                    format!(
                        "addent -password -p {principal} -k {VERSION} -e {kind}{salted}\n{}\n",
                        password.expose()
                    )
                })
                .collect();
            said.push_str(&format!("wkt {}\nquit\n", file(keytab)));
            let output = self.run(self.command(&["ktutil"]).input(said)).await?;
            let output = without(output, password);
            not_installed(&output)?;
            let wrong = |line: &&str| {
                ["addent:", "add_entry:", "wkt:", "write_kt:", "usage:"]
                    .iter()
                    .any(|word| line.starts_with(word))
            };
            let text = String::from_utf8_lossy(&output.stderr);
            let Some(line) = text.lines().map(str::trim).find(wrong) else { return Ok(()) };
            complaint = line.to_owned();
        }
        Err(full(&complaint).unwrap_or_else(|| {
            Finding::failed(
                Code::ServerError,
                format!("no keytab could be made: `{}`", excerpt(complaint.as_bytes())),
                "run `ktutil` by hand as the site's user, and read what it says",
            )
        }))
    }
}

/// What a ticket is taken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    Password,
    Keytab,
}

/// What a program said without the password, should it say that. Our own words are never redacted: what is missing in them
/// would tell the password.
fn without(mut output: Output, password: &Secret) -> Output {
    let redactor = Redactor::new([password]);
    for said in [&mut output.stdout, &mut output.stderr] {
        *said = redactor.redact(String::from_utf8_lossy(said).into_owned()).into_bytes();
    }
    output
}

fn file(path: &Path) -> String {
    path.display().to_string()
}

fn no_answer() -> Finding {
    Finding::failed(
        Code::NoKdc,
        format!("no Kerberos server gave an answer within {} s", PATIENCE.as_secs()),
        "look at the network and at firewalls for port 88, TCP and UDP",
    )
}

fn not_installed(output: &Output) -> Result<(), Finding> {
    let complaint = output.complaint();
    if !output.status.success() && complaint.starts_with("cannot start ") {
        let message = format!("the programs of Kerberos are not there: {complaint}");
        return Err(Finding::failed(Code::NotBuiltIn, message, "install the package `krb5-user`"));
    }
    Ok(())
}

fn full(complaint: &str) -> Option<Finding> {
    let small = complaint.to_lowercase();
    FULL.iter().any(|words| small.contains(words)).then(|| {
        Finding::failed(
            Code::LowSpace,
            "the new files cannot be written; most likely there is no space left",
            "make room where the keytab is, and in /tmp",
        )
    })
}

/// Whether `kinit` took a ticket, and if not, why.
fn judge(output: &Output, principal: &str, with: With) -> Result<(), Finding> {
    if output.status.success() {
        return Ok(());
    }
    not_installed(output)?;
    let text = [output.stdout.as_slice(), b"\n", output.stderr.as_slice()].concat();
    Err(meaning(&String::from_utf8_lossy(&text), &output.complaint(), principal, with))
}

/// What `kinit` means by its complaint. It has no codes: these are the texts of MIT's library in the locale C.
fn meaning(said: &str, complaint: &str, principal: &str, with: With) -> Finding {
    let small = said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| small.contains(words));
    let realm = principal.rsplit('@').next().unwrap_or_default();
    if says(&["password has expired", "password expired"]) {
        let hint =
            "change it where the university's passwords are changed, then run `coursys-ops kinit` again";
        return Finding::failed(
            Code::PasswordExpired,
            format!("the password of `{principal}` has expired"),
            hint,
        );
    }
    if says(&["entry in database has expired", "account has expired"]) {
        let hint = "let whoever runs the realm extend the account";
        return Finding::failed(
            Code::AccountExpired,
            format!("the account of `{principal}` has expired"),
            hint,
        );
    }
    if says(&["credentials have been revoked", "account is locked", "account is disabled"]) {
        let hint = "let whoever runs the realm unlock it; too many wrong passwords lock an account, too";
        let message = format!("the account of `{principal}` is locked or disabled");
        return Finding::failed(Code::AccountLocked, message, hint);
    }
    if says(&["password incorrect", "preauthentication failed", "integrity check failed"]) {
        return match with {
            With::Password => Finding::failed(
                Code::AccessDenied,
                format!("the password of `{principal}` is wrong"),
                "type it again; an account may lock itself after a few wrong ones",
            ),
            With::Keytab => Finding::failed(
                Code::AccessDenied,
                format!("the key in the keytab is not that of `{principal}`"),
                "the password was changed since: make a new keytab with `coursys-ops kinit`",
            ),
        };
    }
    if says(&["clock skew too great", "clock skew too big"]) {
        return skewed("this machine's clock and that of the Kerberos server differ by more than they may");
    }
    if says(&["cannot find kdc", "cannot resolve servers", "cannot resolve network address"]) {
        return Finding::failed(
            Code::NoKdc,
            format!("nobody says where the Kerberos servers of the realm `{realm}` are"),
            "name them in `/etc/krb5.conf` or in the file of `kerberos.config`, or mend the name servers; is the realm in `kerberos.realm` right?",
        );
    }
    if says(&["cannot contact any kdc", "connection refused", "timed out"]) {
        return Finding::failed(
            Code::NoKdc,
            format!("no Kerberos server of the realm `{realm}` can be reached"),
            "look at the network and at firewalls for port 88, TCP and UDP",
        );
    }
    if says(&["not found in kerberos database"]) {
        return Finding::failed(
            Code::UnknownPrincipal,
            format!("Kerberos knows no `{principal}`"),
            "compare the name, and the realm behind it, with those of the site's account, letter by letter",
        );
    }
    if says(&["realm not local", "did not match expectations", "wrong realm"]) {
        return Finding::failed(
            Code::WrongRealm,
            format!("the Kerberos server does not serve the realm `{realm}`"),
            "compare `kerberos.realm` and the servers that `/etc/krb5.conf` names for it",
        );
    }
    if says(&["key table entry not found", "no suitable keys", "key table file"]) {
        return Finding::failed(
            Code::WrongPrincipal,
            format!("the keytab holds no key of `{principal}`"),
            "make a new keytab with `coursys-ops kinit`",
        );
    }
    full(said).unwrap_or_else(|| {
        Finding::failed(
            Code::ServerError,
            format!("Kerberos gives no ticket for `{principal}`: `{}`", excerpt(complaint.as_bytes())),
            "ask whoever runs the realm",
        )
    })
}

/// The finding about two clocks that differ.
pub(super) fn skewed(message: impl Into<String>) -> Finding {
    let hint = "compare this machine's clock with the time server's: `coursys-ops ntpdate`";
    Finding::failed(Code::ClockOff, message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_complaint_has_its_own_meaning() {
        for (said, code) in [
            ("kinit: Password incorrect while getting initial credentials", Code::AccessDenied),
            ("kinit: Preauthentication failed while getting initial credentials", Code::AccessDenied),
            ("kinit: Clock skew too great while getting initial credentials", Code::ClockOff),
            ("kinit: Cannot contact any KDC for realm 'A' while getting initial credentials", Code::NoKdc),
            ("kinit: Cannot find KDC for realm \"A\" while getting initial credentials", Code::NoKdc),
            ("kinit: Client's entry in database has expired while getting", Code::AccountExpired),
            ("kinit: Client's credentials have been revoked while getting", Code::AccountLocked),
            (
                "Password expired.  You must change it now.\nkinit: Cannot read password",
                Code::PasswordExpired,
            ),
            ("kinit: Client 'x@A' not found in Kerberos database while", Code::UnknownPrincipal),
            ("kinit: Realm not local to KDC while getting initial credentials", Code::WrongRealm),
            ("kinit: Key table entry not found while getting", Code::WrongPrincipal),
            ("kinit: No space left on device while storing credentials", Code::LowSpace),
            ("kinit: Generic error (see e-text) while getting", Code::ServerError),
        ] {
            let finding = meaning(said, said, "x@A", With::Password);
            assert_eq!(finding.code, code, "{said}");
            assert!(finding.hint.is_some());
        }
    }

    #[test]
    fn a_key_that_is_not_taken_is_no_mistyped_password() {
        let said = "kinit: Preauthentication failed while getting initial credentials";
        assert!(meaning(said, said, "x@A", With::Keytab).message.contains("key in the keytab"));
    }

    #[test]
    fn what_a_server_says_cannot_steer_a_terminal() {
        let finding = meaning("kinit: \x1b[2J", "kinit: \x1b[2J", "x@A", With::Password);
        assert!(!finding.message.contains('\x1b'));
    }
}
