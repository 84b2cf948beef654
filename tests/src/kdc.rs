//! A Kerberos realm of a test's own: a real KDC, the site's user with an empty home, and the program that is told of both.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Program;

/// The realm.
const REALM: &str = "EXAMPLE.TEST";

/// How long a KDC may take to listen.
const START: Duration = Duration::from_secs(20);

/// A realm whose KDC runs until this is dropped.
pub struct Realm {
    directory: tempfile::TempDir,
    port: u16,
    kdc: Option<Child>,
}

/// Whether tests with servers are wanted; `cargo xtask test` has installed them then.
fn wanted() -> bool {
    if std::env::var_os("COURSYS_OPS_TEST_SERVERS").is_some() {
        return true;
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "COURSYS_OPS_TEST_SERVERS names no set of servers: run this with `cargo xtask test`"
    );
    eprintln!("skipped: needs servers, run it with `cargo xtask test`");
    false
}

impl Realm {
    /// A realm whose server's clock is as many seconds ahead; nothing where there are no servers at all.
    ///
    /// # Panics
    /// The KDC does not start.
    #[must_use]
    pub fn new(ahead_s: i64) -> Option<Self> {
        if !wanted() {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut realm = Self { directory, port: free_port(), kdc: None };
        for name in ["kdc", "home"] {
            fs::create_dir(realm.path(name)).unwrap();
        }
        let (uid, gid) = account();
        chown(realm.path("home"), Some(uid), Some(gid)).unwrap();
        fs::write(realm.path("krb5.conf"), realm.client_configuration(realm.port)).unwrap();
        fs::write(realm.path("kdc.conf"), realm.server_configuration()).unwrap();
        fs::write(realm.path("coursys-ops.toml"), realm.configuration()).unwrap();
        fs::write(realm.path("crontab"), "30 */2 * * * kinit\n").unwrap();
        let made =
            realm.server(&["kdb5_util", "create", "-s", "-r", REALM, "-P", "thrown away"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let shift = format!("{ahead_s:+}s");
        let argv = if ahead_s == 0 { vec![] } else { vec!["faketime", "-f", &shift] };
        realm.kdc =
            Some(realm.server(&[&argv[..], &["krb5kdc", "-n", "-r", REALM]].concat()).spawn().unwrap());
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", realm.port)).is_err() {
            assert!(started.elapsed() < START, "the KDC does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(realm)
    }

    /// A path below the realm's directory.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the site keeps its name and its keytab.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.path("home/kerberos")
    }

    /// Makes an account that must prove that it knows its password; `options` are those of `addprinc`.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn account(&self, name: &str, options: &str, password: &str) {
        self.admin(&format!("addprinc +requires_preauth {options} -pw \"{password}\" {name}"));
    }

    /// Lets the administrator of the realm do something.
    ///
    /// # Panics
    /// It does not work.
    pub fn admin(&self, query: &str) {
        let output = self.server(&["kadmin.local", "-r", REALM, "-q", query]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !text.contains("while"), "{query}: {text}");
    }

    /// The KDC's process.
    ///
    /// # Panics
    /// It was never started.
    #[must_use]
    pub fn kdc(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.kdc.as_ref().expect("a KDC"))
    }

    /// The program, told of this realm.
    #[must_use]
    pub fn program(&self) -> Program {
        Program::new().args(["--config".into(), self.path("coursys-ops.toml")])
    }

    /// The same, told that the KDC listens elsewhere.
    ///
    /// # Panics
    /// The configuration cannot be written.
    #[must_use]
    pub fn program_at(&self, port: u16) -> Program {
        let file = self.path(&format!("krb5-{port}.conf"));
        fs::write(&file, self.client_configuration(port)).unwrap();
        self.program().set("kerberos.config", file.display())
    }

    /// What is in the files that a login writes, by their names: whose they are, their permissions, their contents.
    #[must_use]
    pub fn files(&self) -> Vec<(String, u32, u32, Vec<u8>)> {
        let mut files = Vec::new();
        for directory in [self.path("home"), self.store()] {
            for entry in fs::read_dir(directory).into_iter().flatten() {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                let content = if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
                let name = entry.file_name().into_string().unwrap();
                files.push((name, metadata.uid(), metadata.mode() & 0o7777, content));
            }
        }
        files.sort();
        files
    }

    fn server(&self, argv: &[&str]) -> Command {
        let mut command = Command::new(argv[0]);
        command.args(&argv[1..]).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
        command.env("KRB5_CONFIG", self.path("krb5.conf")).env("KRB5_KDC_PROFILE", self.path("kdc.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn client_configuration(&self, port: u16) -> String {
        format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n rdns = false\n\
             [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        )
    }

    fn server_configuration(&self) -> String {
        let file = |name: &str| self.path("kdc").join(name).display().to_string();
        format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n {REALM} = {{\n  database_name = {}\n  key_stash_file = {}\n  max_life = 10h\n\
             \x20 supported_enctypes = aes256-cts:normal aes128-cts:normal\n }}\n[logging]\n kdc = FILE:{}\n",
            file("principal"),
            file("stash"),
            file("kdc.log"),
            port = self.port,
        )
    }

    fn configuration(&self) -> String {
        let root = self.directory.path().display();
        format!(
            "[site]\nlayout = \"vm\"\nuser = \"nobody\"\nuser_home = \"{root}/home\"\ndir = \"{root}/home\"\n\
             [kerberos]\nrealm = \"{REALM}\"\nconfig = \"{root}/krb5.conf\"\ncache = \"{root}/home/krb5cc\"\n\
             username_file = \"{root}/home/kerberos/username\"\nkeytab = \"{root}/home/kerberos/adsfu.keytab\"\n\
             crontab = \"{root}/crontab\"\n\
             [plans]\nstate_dir = \"{root}/state\"\nlock = \"{root}/lock\"\naudit_log = \"{root}/audit/audit.jsonl\"\n"
        )
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        if let Some(mut kdc) = self.kdc.take() {
            // One that a test has stopped would not hear another signal.
            let _ = kdc.kill();
            let _ = kdc.wait();
        }
    }
}

/// The account that stands for the site's user.
///
/// # Panics
/// This machine has no `nobody`.
#[must_use]
pub fn account() -> (u32, u32) {
    let user = coursys_ops_core::process::User::local("nobody").expect("an account `nobody`");
    (user.uid, user.gid)
}

/// A port that nobody has, neither with TCP nor with UDP.
///
/// # Panics
/// There is none.
#[must_use]
pub fn free_port() -> u16 {
    let free = (0..100).find_map(|_| {
        let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = tcp.local_addr().ok()?.port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    });
    free.expect("a free port")
}

/// Whether a file is the site's user's alone.
///
/// # Panics
/// There is no such file.
#[must_use]
pub fn is_private(path: &Path, mode: u32) -> bool {
    let metadata = fs::symlink_metadata(path).unwrap();
    metadata.uid() == account().0 && metadata.mode() & 0o7777 == mode
}
