//! Elasticsearch 5.6.16 without a password, or 7.17.28 with one; on Java 17, without the scripts around it.

use std::path::Path;

use anyhow::{Result, ensure};

use super::options::Search;
use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::http::Request;
use super::probe::{Login, Probe, Wire};
use super::program::Program;
use super::setting::{Setting, text};

/// The server's name in `status`.
pub const NAME: &str = "elasticsearch";

/// The superuser that 7.17 brings along.
pub const USER: &str = "elastic";

/// The document that makes a search for `cmpt` succeed when there is no site to fill the index.
const DOCUMENT: &str = r#"{"text": "CMPT 120 Introduction to Computing Science"}"#;

/// Java's options for both versions. Without `UsePerfData` nothing is left in `/tmp/hsperfdata_USER`.
const JAVA: [&str; 8] = [
    "-Xms256m",
    "-Xmx256m",
    "-Xss1m",
    "-XX:-UsePerfData",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dfile.encoding=UTF-8",
    "-Djna.nosys=true",
];

/// Java's options that both versions need for Netty and Log4j.
const LIBRARIES: [&str; 5] = [
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dlog4j2.disable.jmx=true",
];

/// The plan. `java` is the home of a Java 17.
pub fn plan(setting: &Setting, java: &Path) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let config = home.join("config");
    let mut files = vec![
        ConfigFile::private(config.join("elasticsearch.yml"), account, configuration(setting)),
        ConfigFile::private(config.join("log4j2.properties"), account, LOGGING),
    ];
    let mut preparations = Vec::new();
    if setting.search == Search::Seven {
        files.extend(setting.tls_files(&config, account));
        preparations.push(keystore(setting, java));
    }
    Plan {
        directories: vec![
            Directory::private(&home, account),
            Directory::private(&config, account),
            Directory::private(config.join("scripts"), account),
            Directory::private(home.join("tmp"), account),
        ],
        files,
        preparations,
        server: Server {
            name: NAME.into(),
            version: version(setting.search).into(),
            port: Some(setting.ports.search),
            socket: None,
            data_dir: home.join("data"),
            log: layout.log(NAME),
            program: program(setting, java),
            probe: Probe::Page(request(setting, "/_cluster/health")),
        },
    }
}

/// The exact version.
pub fn version(search: Search) -> &'static str {
    match search {
        Search::Five => "5.6.16",
        Search::Seven => "7.17.28",
    }
}

/// Makes the index with one document that a search for `cmpt` finds.
///
/// # Errors
/// No connection or a refusal.
pub fn fill(setting: &Setting) -> Result<()> {
    let kind = if setting.search == Search::Five { "modelresult" } else { "_doc" };
    let mut put = request(setting, &format!("/{}/{kind}/1?refresh=true", setting.names.index));
    put.method = "PUT".into();
    put.body = Some(DOCUMENT.into());
    let answer = put.send()?;
    ensure!(answer.status == 201 || answer.status == 200, "HTTP status {}: {}", answer.status, answer.body);
    Ok(())
}

fn request(setting: &Setting, path: &str) -> Request {
    let address = setting.address(setting.ports.search);
    let wire = match setting.search {
        Search::Five => Wire::Plain(address),
        Search::Seven => setting.wire(setting.ports.search),
    };
    let mut request = Request::get(wire, &address.to_string(), path);
    if setting.search == Search::Seven {
        request.login = Some(Login { user: USER.into(), password: setting.names.secrets.search.clone() });
    }
    request
}

fn program(setting: &Setting, java: &Path) -> Program {
    let home = setting.layout.server(NAME);
    let distribution = text(&setting.elasticsearch);
    let mut argv = vec![text(java.join("bin/java"))];
    argv.extend(JAVA.iter().chain(&LIBRARIES).map(|&option| option.to_owned()));
    argv.push(format!("-Djava.io.tmpdir={}", text(home.join("tmp"))));
    argv.push(format!("-Des.path.home={distribution}"));
    if setting.search == Search::Seven {
        argv.extend([
            format!("-Des.path.conf={}", text(home.join("config"))),
            "-Des.distribution.flavor=default".into(),
            "-Des.distribution.type=zip".into(),
            "-Des.bundled_jdk=false".into(),
            "-Djava.locale.providers=SPI,COMPAT".into(),
            "--add-opens=java.base/java.io=ALL-UNNAMED".into(),
            "-Djava.security.manager=allow".into(),
        ]);
    }
    argv.extend([
        "-cp".into(),
        format!("{distribution}/lib/*"),
        "org.elasticsearch.bootstrap.Elasticsearch".into(),
    ]);
    if setting.search == Search::Five {
        argv.push(format!("-Epath.conf={}", text(home.join("config"))));
    }
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    let program = Program::new(&setting.layout, NAME, &setting.accounts.nobody, &argv);
    // 7.17 asks for this variable, which its scripts set otherwise.
    program.env([("LIBFFI_TMPDIR", text(home.join("tmp")))])
}

/// The password of `elastic` goes through standard input into the keystore, from where the first start takes it.
fn keystore(setting: &Setting, java: &Path) -> Program {
    let tool = text(setting.elasticsearch.join("bin/elasticsearch-keystore"));
    let argv = [tool.as_str(), "add", "--force", "--stdin", "bootstrap.password"];
    let home = setting.layout.server(NAME);
    let mut program = Program::new(&setting.layout, NAME, &setting.accounts.nobody, &argv).env([
        ("ES_PATH_CONF", text(home.join("config"))),
        ("ES_JAVA_HOME", text(java)),
        ("JDK_JAVA_OPTIONS", "-XX:-UsePerfData -XX:TieredStopAtLevel=1".into()),
    ]);
    program.stdin = Some(setting.names.secrets.search.clone());
    program
}

fn configuration(setting: &Setting) -> String {
    let home = setting.layout.server(NAME);
    let transport = if setting.search == Search::Five { "transport.tcp.port" } else { "transport.port" };
    let mut yml = format!(
        "cluster.name: coursys-ops\n\
         node.name: test\n\
         path.data: {data}\n\
         path.logs: {logs}\n\
         network.host: \"{ip}\"\n\
         http.port: {port}\n\
         {transport}: {transport_port}\n\
         discovery.type: single-node\n\
         # A full disk of the machine is not what the tests are about.\n\
         cluster.routing.allocation.disk.threshold_enabled: false\n",
        data = text(home.join("data")),
        logs = text(home.join("logs")),
        ip = setting.ip(),
        port = setting.ports.search,
        transport_port = setting.ports.search_transport,
    );
    if setting.search == Search::Seven {
        yml.push_str("xpack.security.enabled: true\n");
        if setting.tls.is_some() {
            yml.push_str(
                "xpack.security.http.ssl.enabled: true\n\
                 xpack.security.http.ssl.key: server.key\n\
                 xpack.security.http.ssl.certificate: server.pem\n\
                 xpack.security.http.ssl.certificate_authorities: ca.pem\n",
            );
        }
    }
    yml
}

/// Everything to standard output.
const LOGGING: &str = "status = error\n\
    appender.console.type = Console\n\
    appender.console.name = console\n\
    appender.console.layout.type = PatternLayout\n\
    appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n\n\
    rootLogger.level = info\n\
    rootLogger.appenderRef.console.ref = console\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn five_has_no_password_and_seven_always_has() {
        let java = Path::new("/java");
        let five = plan(&sample(&[]), java);
        assert!(five.preparations.is_empty());
        assert!(!configuration(&sample(&[])).contains("xpack"));
        let seven = plan(&sample(&["--search", "7"]), java);
        assert_eq!(seven.preparations.len(), 1);
        assert_eq!(seven.preparations[0].stdin.as_deref(), Some("p@ss/w%rd ü's"));
        assert!(seven.preparations[0].argv.iter().all(|argument| !argument.contains("p@ss")));
        assert!(configuration(&sample(&["--search", "7"])).contains("xpack.security.enabled: true"));
    }

    #[test]
    fn an_ipv6_address_is_a_string_in_yaml() {
        assert!(configuration(&sample(&["--ipv6"])).contains("network.host: \"::1\"\n"));
    }

    #[test]
    fn nothing_is_written_outside_the_directory() {
        let program = program(&sample(&["--search", "7"]), Path::new("/java"));
        assert!(program.argv.contains(&"-XX:-UsePerfData".to_owned()));
        assert!(
            program.argv.contains(&"-Djava.io.tmpdir=/tmp/coursys-ops-x-abc234/elasticsearch/tmp".to_owned())
        );
    }
}
