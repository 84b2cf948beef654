//! A private Kerberos realm: a KDC with one account, whose keytab and ticket are where the site has them.

use std::path::PathBuf;

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::Probe;
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "kdc";

/// Debian's path.
pub const PROGRAM: &str = "/usr/sbin/krb5kdc";

/// What asks for tickets.
pub const KINIT: &str = "/usr/bin/kinit";

/// The realm.
pub const REALM: &str = "EXAMPLE.TEST";

const CLIENT_CONFIGURATION: &str = "krb5.conf";

/// The site's account in it.
pub const USER: &str = "coursys";

/// Nobody refreshes the ticket of a set of servers, so it lasts as long as any set does.
const LIFETIME: &str = "30d";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let file = |name: &str, content: String| ConfigFile::private(home.join(name), account, content);
    let program = |argv: &[&str]| in_realm(setting, Program::new(layout, NAME, account, argv));
    let admin = |query: &str| program(&["/usr/sbin/kadmin.local", "-r", REALM, "-q", query]);
    let keytab = text(keytab(setting));
    Plan {
        directories: vec![
            Directory::private(&home, account),
            Directory::private(directory(setting), account),
        ],
        files: vec![
            file(CLIENT_CONFIGURATION, client_configuration(setting)),
            file("kdc.conf", server_configuration(setting)),
            ConfigFile::private(directory(setting).join("username"), account, format!("{USER}\n")),
            ConfigFile::private(crontab(setting), &setting.accounts.caller, job()),
        ],
        preparations: vec![
            program(&["/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "thrown away"]),
            admin(&format!("addprinc -randkey {USER}")),
            admin(&format!("ktadd -norandkey -k {keytab} {USER}")),
        ],
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.kdc),
            socket: None,
            data_dir: home.clone(),
            log: layout.log(NAME),
            program: program(&[PROGRAM, "-n", "-r", REALM, "-P", &text(home.join("pid"))]),
            // The question leaves the ticket where the site has it.
            probe: Probe::Succeeds(ticket(setting)),
        },
    }
}

/// Where the site keeps its name and its keytab.
pub fn directory(setting: &Setting) -> PathBuf {
    setting.layout.home().join("kerberos")
}

/// The key that tickets are asked for with.
pub fn keytab(setting: &Setting) -> PathBuf {
    directory(setting).join("adsfu.keytab")
}

/// The ticket cache. Below the set's directory: that of a real site, `/tmp/krb5cc_UID`, is one a machine.
pub fn cache(setting: &Setting) -> PathBuf {
    setting.layout.home().join("krb5cc")
}

/// A crontab like that of the site's user; no cron reads it.
pub fn crontab(setting: &Setting) -> PathBuf {
    setting.layout.server(NAME).join("crontab")
}

/// How its clients find the server.
pub fn client_configuration_path(setting: &Setting) -> PathBuf {
    setting.layout.server(NAME).join(CLIENT_CONFIGURATION)
}

fn job() -> String {
    format!("30 */2 * * * {KINIT} `cat ~/kerberos/username`@{REALM} -k -t ~/kerberos/adsfu.keytab\n")
}

/// Asks for a ticket as the site does.
fn ticket(setting: &Setting) -> Program {
    let (keytab, cache) = (text(keytab(setting)), text(cache(setting)));
    let principal = format!("{USER}@{REALM}");
    let argv = [KINIT, "-k", "-t", &keytab, "-c", &cache, "-l", LIFETIME, "-r", LIFETIME, &principal];
    in_realm(setting, Program::new(&setting.layout, NAME, &setting.accounts.nobody, &argv))
}

/// Tells a program of MIT Kerberos about this realm instead of the machine's.
fn in_realm(setting: &Setting, program: Program) -> Program {
    let file = |name: &str| text(setting.layout.server(NAME).join(name));
    program.env([
        ("KRB5_CONFIG", text(client_configuration_path(setting))),
        ("KRB5_KDC_PROFILE", file("kdc.conf")),
    ])
}

fn client_configuration(setting: &Setting) -> String {
    format!(
        "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n\
         [realms]\n {REALM} = {{\n  kdc = {}\n }}\n",
        setting.address(setting.ports.kdc)
    )
}

fn server_configuration(setting: &Setting) -> String {
    let file = |name: &str| text(setting.layout.server(NAME).join(name));
    let address = setting.address(setting.ports.kdc);
    format!(
        "[kdcdefaults]\n kdc_listen = {address}\n kdc_tcp_listen = {address}\n\
         [realms]\n {REALM} = {{\n  database_name = {database}\n  key_stash_file = {stash}\n\
         \x20 max_life = {LIFETIME}\n  max_renewable_life = {LIFETIME}\n\
         \x20 supported_enctypes = aes256-cts:normal aes128-cts:normal\n\
         \x20 default_principal_flags = +postdateable +renewable +forwardable\n }}\n\
         [logging]\n kdc = FILE:{log}\n",
        database = file("principal"),
        stash = file("stash"),
        log = file("kdc.log"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn the_realm_of_the_machine_is_never_asked() {
        let setting = sample(&["--ipv6"]);
        let plan = plan(&setting, String::new());
        let programs = plan.preparations.iter().chain([&plan.server.program]);
        for program in programs {
            assert!(program.env["KRB5_CONFIG"].starts_with("/tmp/coursys-ops-x-abc234/"), "{program:?}");
        }
        assert!(client_configuration(&setting).contains("kdc = [::1]:20013\n"));
        assert!(server_configuration(&setting).contains("kdc_listen = [::1]:20013\n"));
    }

    #[test]
    fn the_keytab_is_in_a_directory_that_others_cannot_look_into() {
        let plan = plan(&sample(&[]), String::new());
        let directory =
            plan.directories.iter().find(|directory| directory.path.ends_with("kerberos")).unwrap();
        assert_eq!((directory.mode, directory.account.user.as_str()), (0o700, "nobody"));
    }
}
