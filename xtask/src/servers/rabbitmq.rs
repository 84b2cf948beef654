//! RabbitMQ 3.10, with the site's vhost and account; node, port mapper, cookie and ports of its own.

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::{Login, Probe};
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "rabbitmq";

/// The script of the package proper: the one in the path writes to `/var/log`.
pub const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// The broker's own tool.
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.rabbitmq;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let path = |name: &str| text(home.join(name));
    let program = Program::new(layout, NAME, account, &[PROGRAM]).env([
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", path("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
        ("RABBITMQ_MNESIA_BASE", path("data")),
        ("RABBITMQ_LOG_BASE", path("log")),
        ("RABBITMQ_LOGS", "-".into()),
        ("RABBITMQ_PID_FILE", path("pid")),
        ("RABBITMQ_NODENAME", node(setting)),
        ("RABBITMQ_DIST_PORT", setting.ports.broker_dist.to_string()),
        ("ERL_EPMD_PORT", setting.ports.epmd.to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        // Two schedulers will do, and a crash needs no dump of gigabytes.
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "+S 2:2 +A 4".into()),
        ("ERL_CRASH_DUMP_BYTES", "0".into()),
    ]);
    let mut files = vec![
        ConfigFile::private(home.join("rabbitmq.conf"), account, "# everything is in advanced.config\n"),
        ConfigFile::private(home.join("advanced.config"), account, configuration(setting)),
        ConfigFile::private(home.join("enabled_plugins"), account, "[].\n"),
    ];
    files.extend(setting.tls_files(&home, account));
    Plan {
        directories: vec![
            Directory::private(&home, account),
            Directory::private(home.join("data"), account),
            Directory::private(home.join("log"), account),
        ],
        files,
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.broker),
            socket: None,
            data_dir: home.join("data"),
            log: layout.log(NAME),
            program,
            probe: probe(setting, None),
        },
    }
}

/// How to call the broker's own tool: as its account, whose cookie it wants, and at its port mapper.
pub fn control(setting: &Setting) -> Vec<String> {
    let account = &setting.accounts.rabbitmq;
    let mut argv: Vec<String> = Vec::new();
    if account.uid != setting.accounts.caller.uid {
        argv.extend(["setpriv".into(), format!("--reuid={}", account.uid)]);
        argv.extend([format!("--regid={}", account.gid), "--clear-groups".into()]);
    }
    let environment = [
        ("HOME", text(setting.layout.server(NAME))),
        ("RABBITMQ_NODENAME", node(setting)),
        ("ERL_EPMD_PORT", setting.ports.epmd.to_string()),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
    ];
    argv.push("env".into());
    argv.extend(environment.map(|(key, value)| format!("{key}={value}")));
    argv.push(CONTROL.into());
    argv
}

fn node(setting: &Setting) -> String {
    format!("coursys-ops-{}@localhost", setting.ports.broker)
}

/// Logs in as the site; then the queue, if one is named, must have a consumer.
pub fn probe(setting: &Setting, queue: Option<&str>) -> Probe {
    Probe::Broker {
        wire: setting.wire(setting.ports.broker),
        login: Login {
            user: setting.names.broker_user.into(),
            password: setting.names.secrets.broker.clone(),
        },
        vhost: setting.names.vhost.into(),
        queue: queue.map(str::to_owned),
    }
}

/// The configuration as Erlang terms. The format of `rabbitmq.conf` cannot quote every password.
fn configuration(setting: &Setting) -> String {
    let names = &setting.names;
    let home = setting.layout.server(NAME);
    let listener = format!("[{{\"{}\", {}}}]", setting.ip(), setting.ports.broker);
    let listeners = if setting.tls.is_some() {
        let file = |name: &str| text(home.join(name));
        format!(
            "{{tcp_listeners, []}},\n  {{ssl_listeners, {listener}}},\n  {{ssl_options, [{{cacertfile, \"{}\"}}, \
             {{certfile, \"{}\"}}, {{keyfile, \"{}\"}}, {{verify, verify_none}}]}}",
            file("ca.pem"),
            file("server.pem"),
            file("server.key")
        )
    } else {
        format!("{{tcp_listeners, {listener}}}")
    };
    format!(
        "[{{rabbit, [\n  {listeners},\n  \
         {{default_vhost, {vhost}}},\n  {{default_user, {user}}},\n  {{default_pass, {password}}},\n  \
         {{default_user_tags, []}},\n  {{default_permissions, [<<\".*\">>, <<\".*\">>, <<\".*\">>]}}\n]}},\n \
         {{kernel, [{{inet_dist_use_interface, {{127, 0, 0, 1}}}}]}}].\n",
        vhost = binary(names.vhost),
        user = binary(names.broker_user),
        password = binary(&names.secrets.broker),
    )
}

/// An Erlang binary, byte by byte: no character needs quoting.
fn binary(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn names_and_secrets_are_written_as_utf_8_bytes() {
        assert_eq!(binary("aü'"), "<<97,195,188,39>>");
        let terms = configuration(&sample(&[]));
        assert!(terms.contains(&format!("{{default_vhost, {}}}", binary("myvhost"))));
        assert!(terms.contains("{tcp_listeners, [{\"127.0.0.1\", 20002}]}"), "{terms}");
        assert!(!terms.contains("p@ss"));
    }

    #[test]
    fn with_tls_there_is_no_plain_listener() {
        let terms = configuration(&sample(&["--tls", "--ipv6"]));
        assert!(terms.contains("{tcp_listeners, []}"));
        assert!(terms.contains("{ssl_listeners, [{\"::1\", 20002}]}"));
    }

    #[test]
    fn the_tool_finds_this_node_and_no_other() {
        let argv = control(&sample(&[]));
        let server = plan(&sample(&[]), String::new()).server.program.env;
        for key in ["HOME", "RABBITMQ_NODENAME", "ERL_EPMD_PORT"] {
            assert!(argv.contains(&format!("{key}={}", server[key])), "{argv:?}");
        }
    }

    #[test]
    fn nothing_is_shared_with_another_broker_of_the_machine() {
        let plan = plan(&sample(&[]), String::new());
        let env = &plan.server.program.env;
        let inside = ["HOME", "RABBITMQ_MNESIA_BASE", "RABBITMQ_LOG_BASE", "RABBITMQ_PID_FILE"];
        for key in inside {
            assert!(env.get(key).unwrap().starts_with("/tmp/coursys-ops-x-abc234/rabbitmq"), "{key}");
        }
        assert_eq!(env.get("ERL_EPMD_PORT").unwrap(), "20004");
    }
}
