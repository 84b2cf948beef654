//! chronyd as a time server that leaves the machine's clock alone.

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::{Probe, Wire};
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "chrony";

/// Debian's path.
pub const PROGRAM: &str = "/usr/sbin/chronyd";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let file = text(home.join("chrony.conf"));
    // Of the other family it would listen on every address, `bindaddress` or not.
    let family = if setting.options.ipv6 { "-6" } else { "-4" };
    // -x: never touch the clock; -U: needs no root for that; -d: stay in the foreground.
    let argv = [PROGRAM, "-x", "-U", "-d", family, "-f", &file];
    Plan {
        directories: vec![Directory::private(&home, account)],
        files: vec![ConfigFile::private(&file, account, configuration(setting))],
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.time),
            socket: None,
            data_dir: home,
            log: layout.log(NAME),
            program: Program::new(layout, NAME, account, &argv),
            probe: Probe::Clock(Wire::Plain(setting.address(setting.ports.time))),
        },
    }
}

/// It serves the machine's own time to whoever reaches its address. There is no command socket to collide with another chronyd.
fn configuration(setting: &Setting) -> String {
    format!(
        "bindaddress {ip}\nport {port}\nlocal stratum 8\nallow all\n\
         cmdport 0\nbindcmdaddress /\npidfile {pid}\n",
        ip = setting.ip(),
        port = setting.ports.time,
        pid = text(setting.layout.server(NAME).join("pid")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn the_clock_of_the_machine_is_never_touched() {
        let server = plan(&sample(&[]), String::new()).server;
        assert!(server.program.argv.contains(&"-x".to_owned()));
        let conf = configuration(&sample(&["--ipv6"]));
        assert!(conf.contains("bindaddress ::1\nport 20009\n"));
        assert!(!conf.contains("server") && !conf.contains("pool"), "it asks nobody: {conf}");
    }
}
