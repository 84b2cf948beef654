//! exim as a mail relay with a login. Whatever it takes lands in one mailbox file; nothing leaves the machine.

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::{Probe, Wire};
use super::process::{MARK, SERVER_MARK};
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "exim";

/// Debian's path.
pub const PROGRAM: &str = "/usr/sbin/exim4";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let file = text(home.join("exim.conf"));
    let password = setting.names.secrets.email.as_str();
    let mut files = vec![
        // exim refuses a configuration that anybody else than root or its own user may write.
        ConfigFile::private(&file, account, configuration(setting)),
        ConfigFile::private(home.join("user"), account, setting.names.email_user),
        ConfigFile::private(home.join("password"), account, password),
    ];
    files.extend(setting.tls_files(&home, account));
    Plan {
        directories: vec![Directory::private(&home, account)],
        files,
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.email),
            socket: None,
            data_dir: home.clone(),
            log: home.join("mainlog"),
            program: Program::new(layout, NAME, account, &[PROGRAM, "-C", &file, "-bdf"]),
            probe: Probe::Greets {
                wire: Wire::Plain(setting.address(setting.ports.email)),
                send: String::new(),
                expect: "220 ".into(),
            },
        },
    }
}

/// With TLS, neither a login nor a sender is taken before STARTTLS.
fn configuration(setting: &Setting) -> String {
    let home = setting.layout.server(NAME);
    let path = |name: &str| text(home.join(name));
    let (user, ip) = (&setting.accounts.nobody, setting.ip());
    let (tls, advertise) = if setting.tls.is_some() {
        let tls = format!(
            "tls_certificate = {}\ntls_privatekey = {}\ntls_advertise_hosts = *\n",
            path("server.pem"),
            path("server.key")
        );
        (tls, "${if def:tls_in_cipher{*}{}}")
    } else {
        ("tls_advertise_hosts =\n".to_owned(), "*")
    };
    let encrypted =
        if setting.tls.is_some() { "  deny !encrypted = *\n       message = STARTTLS first\n" } else { "" };
    let credentials = |name: &str, password: &str| {
        let is =
            |variable: &str, file: &str| format!("{{eq{{{variable}}}{{${{readfile{{{}}}}}}}}}", path(file));
        format!("${{if and{{{}{}}}{{yes}}{{no}}}}", is(name, "user"), is(password, "password"))
    };
    format!(
        "# Every delivery is a new process: it must keep the marks by which it is found.\n\
         keep_environment = {MARK} : {SERVER_MARK}\n\
         exim_user = {uid}\nexim_group = {gid}\nnever_users =\ndeliver_drop_privilege = true\n\
         primary_hostname = mail.test\nqualify_domain = mail.test\n\
         spool_directory = {spool}\nlog_file_path = {log}\npid_file_path = {pid}\n\
         local_interfaces = <; {ip}\ndaemon_smtp_ports = {port}\n\
         host_lookup =\nrfc1413_hosts =\nsmtp_accept_max = 100\n\
         {tls}auth_advertise_hosts = {advertise}\n\
         acl_smtp_mail = check_mail\nacl_smtp_rcpt = check_rcpt\nacl_smtp_data = accept\n\
         begin acl\n\
         check_mail:\n{encrypted}  accept\n\
         check_rcpt:\n  deny !authenticated = *\n       message = log in first\n  accept\n\
         begin routers\nkeep:\n  driver = accept\n  transport = mailbox\n\
         begin transports\nmailbox:\n  driver = appendfile\n  file = {mailbox}\n  user = {uid}\n  group = {gid}\n\
         begin retry\n*  *  F,1h,10m\n\
         begin authenticators\n\
         plain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n\
         \x20 server_condition = {plain}\n  server_set_id = $auth2\n\
         login:\n  driver = plaintext\n  public_name = LOGIN\n  server_prompts = Username:: : Password::\n\
         \x20 server_condition = {login}\n  server_set_id = $auth1\n",
        uid = user.uid,
        gid = user.gid,
        spool = path("spool"),
        log = path("%slog"),
        pid = path("pid"),
        port = setting.ports.email,
        mailbox = path("mailbox"),
        plain = credentials("$auth2", "$auth3"),
        login = credentials("$auth1", "$auth2"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn no_mail_can_leave_the_machine() {
        let conf = configuration(&sample(&[]));
        assert!(conf.contains("driver = accept") && conf.contains("driver = appendfile"));
        assert!(
            !conf.contains("dnslookup") && !conf.contains("manualroute") && !conf.contains("driver = smtp")
        );
    }

    #[test]
    fn the_password_is_in_a_file_of_its_own_where_no_character_is_special() {
        let setting = sample(&[]);
        assert!(!configuration(&setting).contains("p@ss"));
        let plan = plan(&setting, String::new());
        let file = plan.files.iter().find(|file| file.path.ends_with("password")).unwrap();
        assert_eq!((file.content.as_str(), file.mode), ("p@ss/w%rd ü'e", 0o600));
    }

    #[test]
    fn with_tls_a_login_needs_starttls_first() {
        let conf = configuration(&sample(&["--tls"]));
        assert!(conf.contains("auth_advertise_hosts = ${if def:tls_in_cipher{*}{}}"));
        assert!(conf.contains("deny !encrypted = *"));
        assert!(configuration(&sample(&[])).contains("tls_advertise_hosts =\n"));
    }
}
