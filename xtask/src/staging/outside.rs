//! The world outside: database, reporting database, mail, time, KDC and the stand-ins, as `cargo xtask servers` has them,
//! but as units of systemd in a network namespace of their own, at another address than the server's.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::enter::{As, logged};
use super::files;
use super::instance::Instance;
use crate::servers::account::{Accounts, named};
use crate::servers::layout::Layout;
use crate::servers::names::{Names, Secrets, random_word};
use crate::servers::options::{Search, Up};
use crate::servers::plan::{ConfigFile, Directory, Plan};
use crate::servers::ports::Ports;
use crate::servers::program::Program;
use crate::servers::setting::Setting;
use crate::servers::{chrony, exim, kdc, mariadb, reporting_db, standins};

/// Where all of it listens.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 20, 0, 2);

/// Where all of it lies, on the server.
const HOME: &str = "/srv/outside";

/// The ports that the real ones have.
const PORTS: Ports = Ports {
    database: 3306,
    broker: 5672,
    broker_dist: 25672,
    epmd: 4369,
    cache: 11211,
    search: 9200,
    search_transport: 9300,
    email: 25,
    time: 123,
    web: 8000,
    nginx: 80,
    nginx_tls: 443,
    kdc: 88,
    reporting_db: 3307,
    standins: 80,
};

/// What the servers' plans want to know. `passwd` is the text of the server's `/etc/passwd`.
///
/// # Errors
/// An account is missing.
pub fn setting(passwd: &str) -> Result<Setting> {
    let nobody = named(passwd, "nobody")?;
    let accounts = Accounts {
        caller: named(passwd, "root")?,
        mysql: named(passwd, "mysql")?,
        rabbitmq: nobody.clone(),
        nobody,
    };
    let mut secrets = Secrets::random()?;
    // They go through `.env`, Docker Compose, of which version 1 knows no quotes, and the scripts of images.
    secrets.broker = random_word(20)?;
    secrets.search = random_word(20)?;
    // Python's smtplib sends no others, and on a whole server mails are sent.
    secrets.email.retain(|letter| letter.is_ascii());
    Ok(Setting {
        options: Up::plain("outside"),
        search: Search::Five,
        layout: Layout::new(Path::new(HOME)),
        accounts,
        names: Names::new(false, secrets),
        ports: PORTS,
        tls: None,
        elasticsearch: PathBuf::new(),
        elsewhere: Some(IpAddr::V4(ADDRESS)),
    })
}

/// Makes all of them and starts them.
///
/// # Errors
/// A preparation fails; with the end of the log.
pub fn make(instance: &Instance, setting: &Setting, log: &Path) -> Result<()> {
    let root = instance.root()?;
    let (layout, accounts) = (&setting.layout, &setting.accounts);
    let shared = |path| Directory { path, account: accounts.caller.clone(), mode: 0o1777 };
    let common = [
        Directory::open(layout.root(), &accounts.caller),
        shared(layout.tmp()),
        shared(layout.run()),
        Directory { path: layout.logs(), account: accounts.caller.clone(), mode: 0o755 },
        Directory::open(layout.home(), &accounts.nobody),
        Directory::private(layout.secrets(), &accounts.caller),
    ];
    common.iter().try_for_each(|directory| files::make(&root, directory))?;
    let mut units = Vec::new();
    for plan in plans(setting) {
        plan.directories.iter().try_for_each(|directory| files::make(&root, directory))?;
        plan.files.iter().try_for_each(|file| files::write(&root, file))?;
        for program in &plan.preparations {
            let argv: Vec<&str> = program.argv.iter().map(String::as_str).collect();
            logged(instance, As::Program(program), &argv, None, log)
                .with_context(|| format!("failed to prepare {}", plan.server.name))?;
        }
        let name = format!("outside-{}.service", plan.server.name);
        let content = unit(&plan.server.name, &plan.server.program);
        let path = Path::new("/etc/systemd/system").join(&name);
        files::write(&root, &ConfigFile { path, content, account: accounts.caller.clone(), mode: 0o644 })?;
        units.push(name);
    }
    let krb5 = files::below(&root, &layout.server(kdc::NAME).join("krb5.conf"));
    let content = std::fs::read_to_string(krb5).context("failed to read the realm's configuration")?;
    let account = accounts.caller.clone();
    files::write(&root, &ConfigFile { path: "/etc/krb5.conf".into(), content, account, mode: 0o644 })?;
    let mut enable = vec!["systemctl", "enable", "--now", "--quiet", "outside-network.service"];
    enable.extend(units.iter().map(String::as_str));
    logged(instance, As::Root, &["systemctl", "daemon-reload"], None, log)?;
    logged(instance, As::Root, &enable, None, log)
}

fn plans(setting: &Setting) -> Vec<Plan> {
    // Nobody asks for their versions here.
    let version = String::new;
    vec![
        mariadb::plan(setting, version()),
        reporting_db::plan(setting, version()),
        kdc::plan(setting, version()),
        standins::plan(setting, version()),
        exim::plan(setting, version()),
        chrony::plan(setting, version()),
    ]
}

/// A program as a unit. It comes back when it ends, as one that others look after does.
fn unit(name: &str, program: &Program) -> String {
    let mut text = format!(
        "[Unit]\nDescription=Outside: {name}\nRequires=outside-network.service\nAfter=outside-network.service\n\n\
         [Service]\nSlice=outside.slice\nNetworkNamespacePath=/run/netns/outside\nUser={uid}\nGroup={gid}\n\
         WorkingDirectory={cwd}\nStandardOutput=append:{log}\nStandardError=inherit\nRestart=on-failure\nRestartSec=1\n",
        uid = program.account.uid,
        gid = program.account.gid,
        cwd = program.cwd.display(),
        log = program.log.display(),
    );
    for (key, value) in &program.env {
        let _ = writeln!(text, "Environment={}", quoted(&format!("{key}={value}")));
    }
    let argv: Vec<String> = program.argv.iter().map(|argument| quoted(argument)).collect();
    let _ = write!(text, "ExecStart={}\n\n[Install]\nWantedBy=multi-user.target\n", argv.join(" "));
    text
}

/// A word in a unit file.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0::/root:/bin/bash\nmysql:x:101:102::/x:/bin/false\nnobody:x:65534:65534::/:/x\n";

    #[test]
    fn all_of_it_has_another_address_than_the_server() {
        let setting = setting(PASSWD).unwrap();
        for plan in plans(&setting) {
            assert!(plan.files.iter().all(|file| file.path.starts_with(HOME)), "{}", plan.server.name);
            assert!(unit("x", &plan.server.program).contains("NetworkNamespacePath=/run/netns/outside\n"));
        }
        assert!(plans(&setting)[0].files[0].content.contains("bind_address = 10.20.0.2"));
    }

    #[test]
    fn the_sites_own_python_can_send_the_password_of_mails_as_it_is() {
        let password = setting(PASSWD).unwrap().names.secrets.email;
        assert!(password.is_ascii() && "@/% '".chars().all(|c| password.contains(c)), "{password}");
    }

    #[test]
    fn a_word_of_a_unit_keeps_its_special_characters() {
        assert_eq!(quoted(r#"50% "of" $HOME \ all"#), r#""50%% \"of\" $$HOME \\ all""#);
    }

    #[test]
    fn a_missing_account_is_named() {
        assert!(setting("root:x:0:0::/root:/bin/bash\n").unwrap_err().to_string().contains("`nobody`"));
    }
}
