//! memcached, on a port or a Unix socket.

use super::plan::{Directory, Plan, Server};
use super::probe::{Probe, Wire};
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "memcached";

/// Debian's path.
pub const PROGRAM: &str = "/usr/bin/memcached";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let socket = setting.cache_socket();
    let port = socket.is_none().then_some(setting.ports.cache);
    let listen = match &socket {
        Some(path) => vec!["-s".to_owned(), text(path), "-a".to_owned(), "0777".to_owned()],
        None => {
            vec!["-l".to_owned(), setting.ip().to_string(), "-p".to_owned(), setting.ports.cache.to_string()]
        }
    };
    let argv: Vec<&str> =
        [PROGRAM, "-U", "0", "-m", "16", "-v"].into_iter().chain(listen.iter().map(String::as_str)).collect();
    Plan {
        directories: vec![Directory::private(&home, account)],
        files: Vec::new(),
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port,
            data_dir: home,
            log: layout.log(NAME),
            program: Program::new(layout, NAME, account, &argv),
            probe: Probe::Greets {
                wire: match &socket {
                    Some(path) => Wire::Socket(path.clone()),
                    None => Wire::Plain(setting.address(setting.ports.cache)),
                },
                send: "version\r\n".into(),
                expect: "VERSION ".into(),
            },
            socket,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn a_socket_replaces_the_port() {
        let plain = plan(&sample(&["--ipv6"]), String::new()).server;
        assert!(plain.program.argv.join(" ").ends_with("-l ::1 -p 20005"));
        assert_eq!((plain.port, plain.socket), (Some(20005), None));
        let socket = plan(&sample(&["--sockets"]), String::new()).server;
        assert!(
            socket
                .program
                .argv
                .join(" ")
                .ends_with("-s /tmp/coursys-ops-x-abc234/run/memcached.sock -a 0777")
        );
        assert_eq!(socket.port, None);
    }
}
