//! Everything that the plan of a server depends on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::account::{Account, Accounts};
use super::layout::Layout;
use super::names::Names;
use super::options::{Search, Up};
use super::plan::{ConfigFile, Directory};
use super::ports::Ports;
use super::probe::Wire;
use super::tls::Tls;

/// One set of servers, as it is going to be.
#[derive(Debug)]
pub struct Setting {
    /// What was asked for.
    pub options: Up,
    /// The version of Elasticsearch.
    pub search: Search,
    /// Where things lie.
    pub layout: Layout,
    /// As whom things run.
    pub accounts: Accounts,
    /// What things are called.
    pub names: Names,
    /// Where things listen.
    pub ports: Ports,
    /// CA and certificate when TLS is required.
    pub tls: Option<Tls>,
    /// Where Elasticsearch was unpacked.
    pub elasticsearch: PathBuf,
    /// The address that all servers listen on, if not on loopback.
    pub elsewhere: Option<IpAddr>,
}

impl Setting {
    /// The address that all servers listen on.
    pub fn ip(&self) -> IpAddr {
        if let Some(ip) = self.elsewhere {
            return ip;
        }
        if self.options.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
    }

    /// That address with a port; as text, IPv6 stands in brackets.
    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(), port)
    }

    /// How to reach a server that requires TLS if any does.
    pub fn wire(&self, port: u16) -> Wire {
        Wire::new(self.address(port), self.ca_file())
    }

    /// The CA's certificate, when TLS is required.
    pub fn ca_file(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|_| self.layout.ca())
    }

    /// MariaDB's Unix socket. It is always there; only `--sockets` makes others use it.
    pub fn database_socket(&self) -> PathBuf {
        self.layout.run().join("mariadb.sock")
    }

    /// memcached's Unix socket, which replaces its port.
    pub fn cache_socket(&self) -> Option<PathBuf> {
        self.options.sockets.then(|| self.layout.run().join("memcached.sock"))
    }

    /// Directory of submitted files.
    pub fn submitted(&self) -> PathBuf {
        self.layout.files().join(self.names.submitted)
    }

    /// Directory of collected static files.
    pub fn media(&self) -> PathBuf {
        self.layout.files().join(self.names.media)
    }

    /// The compressed files below it, where Django's compressor puts them.
    pub fn compressed(&self) -> PathBuf {
        self.media().join("CACHE")
    }

    /// The file that makes nginx answer 503.
    pub fn maintenance_flag(&self) -> PathBuf {
        self.site().join("503")
    }

    /// The certificate of the authority that signed the web site's.
    pub fn web_ca(&self) -> PathBuf {
        self.layout.root().join("web-ca.pem")
    }

    /// Directory of database dumps.
    pub fn dumps(&self) -> PathBuf {
        self.layout.files().join(self.names.dumps)
    }

    /// Directory of the site's code.
    pub fn site(&self) -> PathBuf {
        self.layout.root().join(self.names.site)
    }

    /// Certificate and key for one server, in its own directory, as its own account.
    pub fn tls_files(&self, directory: &Path, account: &Account) -> Vec<ConfigFile> {
        let file = |(name, content): (&str, &String)| {
            ConfigFile::private(directory.join(name), account, content.as_str())
        };
        let files = self.tls.iter().flat_map(|tls| {
            [("ca.pem", &tls.ca), ("server.pem", &tls.certificate), ("server.key", &tls.key)]
        });
        files.map(file).collect()
    }

    /// The caller, with the group of the site: who may read the configuration and its secrets.
    pub fn operator(&self) -> Account {
        Account { gid: self.accounts.nobody.gid, ..self.accounts.caller.clone() }
    }

    /// Makes what all servers share: the directories, the CA and the secrets.
    ///
    /// # Errors
    /// What the file system says.
    pub fn make(&self) -> Result<()> {
        let Self { layout, accounts, names, .. } = self;
        let operator = self.operator();
        let shared = |path| Directory { path, account: accounts.caller.clone(), mode: 0o1777 };
        let directories = [
            shared(layout.tmp()),
            shared(layout.run()),
            Directory::open(layout.logs(), &accounts.nobody),
            Directory::open(layout.home(), &accounts.nobody),
            Directory { path: layout.secrets(), account: operator.clone(), mode: 0o750 },
            Directory::open(layout.files(), &accounts.nobody),
            Directory::open(self.submitted(), &accounts.nobody),
            Directory::open(self.media(), &accounts.nobody),
            Directory::open(self.dumps(), &accounts.nobody),
        ];
        directories.iter().try_for_each(Directory::make)?;
        let secrets = [
            ("database", &names.secrets.database),
            ("broker", &names.secrets.broker),
            ("search", &names.secrets.search),
            ("email", &names.secrets.email),
            ("reporting_db", &names.secrets.reporting_db),
            ("emplid", &names.secrets.emplid),
        ];
        for (name, secret) in secrets {
            let content = secret.clone();
            ConfigFile { path: layout.secret(name), content, account: operator.clone(), mode: 0o640 }
                .write()?;
        }
        if let Some(tls) = &self.tls {
            let content = tls.ca.clone();
            ConfigFile { path: layout.ca(), content, account: operator, mode: 0o644 }.write()?;
        }
        Ok(())
    }
}

/// A path as an argument or a line of configuration. Ours hold no bytes that are not UTF-8.
pub fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_string_lossy().into_owned()
}

#[cfg(test)]
pub fn sample(arguments: &[&str]) -> Setting {
    let options = super::options::up(arguments);
    Setting {
        search: options.search().unwrap(),
        layout: Layout::new(Path::new("/tmp/coursys-ops-x-abc234")),
        accounts: super::account::sample(),
        names: super::names::sample(options.weird),
        ports: super::ports::sample(),
        tls: options.tls.then(|| Tls { ca: "CA".into(), certificate: "CERT".into(), key: "KEY".into() }),
        elasticsearch: "/var/cache/coursys-ops/elasticsearch".into(),
        elsewhere: None,
        options,
    }
}
