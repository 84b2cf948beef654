//! From the fields of a section to a typed check, and the rules over several keys.

use std::net::IpAddr;

use super::super::model::{
    OwnCheck, OwnCommand, OwnDns, OwnFile, OwnHttp, OwnLook, OwnProcess, OwnTcp, OwnUnit, OwnUrl,
    SecretValue, Server, Tls,
};
use super::fields::Fields;
use crate::config::FileType;
use crate::model::{CheckSpec, Effects, Tier};

/// Makes a check of a section; nothing when something that it cannot be without is missing or wrong, which has been told.
pub(super) fn build(kind: &str, fields: &mut Fields<'_>) -> Option<OwnCheck> {
    let timeout = fields.duration("timeout_s").unwrap_or(CheckSpec::DEFAULT_TIMEOUT);
    let look = match kind {
        "tcp" => OwnLook::Tcp(Box::new(OwnTcp {
            server: tcp_server(fields),
            send: fields.text("send"),
            expect: fields.pattern("expect"),
            latency: fields.latency(timeout),
        })),
        "http" => {
            let mut http = http(fields)?;
            http.latency = fields.latency(timeout);
            OwnLook::Http(Box::new(http))
        }
        "dns" => {
            let mut dns = dns(fields)?;
            dns.latency = fields.latency(timeout);
            OwnLook::Dns(dns)
        }
        "file" => OwnLook::File(Box::new(file(fields)?)),
        "process" => OwnLook::Process(process(fields)),
        "unit" => OwnLook::Unit(OwnUnit {
            unit: unit(fields)?,
            active: fields.text("active").unwrap_or_else(|| "active".to_owned()),
            enabled: fields.text("enabled"),
            restarts: fields.limits("warn_restarts", "crit_restarts", false),
        }),
        _ => {
            let mut command = command(fields)?;
            command.latency = fields.latency(timeout);
            OwnLook::Command(Box::new(command))
        }
    };
    let tier = fields.text("tier").unwrap_or_default();
    let effects = fields.text("effects").unwrap_or_default();
    Some(OwnCheck {
        id: fields.text("id")?,
        look,
        title: fields.text("title"),
        tier: Tier::ALL.into_iter().find(|known| known.as_str() == tier).unwrap_or_default(),
        needs: fields.list("needs"),
        timeout,
        interval: fields.duration("interval_s"),
        effects: match effects.as_str() {
            "self_cleaning" => Effects::SelfCleaning,
            "site_log" => Effects::SiteLog,
            "sends" => Effects::Sends,
            _ => Effects::None,
        },
        hint: fields.text("hint"),
        explanation: fields.text("explanation"),
        place: fields.place.clone(),
    })
}

/// A server without a login.
fn server(fields: &Fields<'_>, host: Option<String>, port: u16, tls: Tls) -> Server {
    Server {
        section: format!("check[{}]", fields.place.number),
        host,
        socket: None,
        port,
        tls,
        tls_ca_file: None,
        tls_server_name: None,
        user: None,
        secret: SecretValue::Missing,
    }
}

fn tcp_server(fields: &mut Fields<'_>) -> Server {
    let tls = if fields.text("tls").as_deref() == Some("required") { Tls::Required } else { Tls::Off };
    let (host, port) = (fields.text("host"), fields.integer("port"));
    let socket = fields.path("socket");
    if socket.is_some() {
        if fields.has("host") || fields.has("port") {
            fields.wrong("socket", "excludes `host` and `port`");
        }
        if tls == Tls::Required {
            fields.wrong("tls", "TLS is not possible over `socket`");
        }
    } else {
        for name in ["host", "port"].into_iter().filter(|name| !fields.has(name)).collect::<Vec<_>>() {
            fields.wrong(name, "is missing: expected `host` and `port`, or `socket`");
        }
    }
    let mut server = server(fields, host, port.unwrap_or_default(), tls);
    server.socket = socket;
    server.tls_ca_file = fields.path("tls_ca_file");
    server.tls_server_name = fields.text("tls_server_name");
    if tls == Tls::Off {
        for name in ["tls_ca_file", "tls_server_name"] {
            if fields.has(name) {
                fields.wrong(name, "is of no use without `tls = \"required\"`");
            }
        }
    }
    server
}

fn http(fields: &mut Fields<'_>) -> Option<OwnHttp> {
    let text = fields.text("url")?;
    let Some(url) = url(&text) else {
        fields.wrong("url", "expected `http://HOST[:PORT]/PATH` or `https://…`, found something else");
        return None;
    };
    let redirect = fields.pattern("redirect");
    let status = fields.integers("status");
    let address = fields.text("address");
    let tls_ca_file = fields.path("tls_ca_file");
    let certificate = fields.limits("warn_days", "crit_days", true);
    if !url.tls {
        for name in ["tls_ca_file", "warn_days", "crit_days"] {
            if fields.has(name) {
                fields.wrong(name, "is of no use without `https`");
            }
        }
    }
    let method = if fields.text("method").as_deref() == Some("HEAD") { "HEAD" } else { "GET" };
    let body = fields.pattern("body");
    if method == "HEAD" && fields.has("body") {
        fields.wrong("body", "is of no use with `method = \"HEAD\"`, whose answer has none");
    }
    let tls = if url.tls { Tls::Required } else { Tls::Off };
    let mut server = server(fields, Some(address.clone().unwrap_or_else(|| url.host.clone())), url.port, tls);
    server.tls_ca_file.clone_from(&tls_ca_file);
    server.tls_server_name = (url.tls && address.is_some()).then(|| url.host.clone());
    let default = if redirect.is_some() { vec![301, 302, 303, 307, 308] } else { vec![200] };
    Some(OwnHttp {
        url,
        server,
        address,
        tls_ca_file,
        method,
        status: status.unwrap_or(default),
        body,
        header: fields.patterns("header"),
        redirect,
        certificate,
        latency: super::super::model::Limits::default(),
    })
}

/// The parts of an address of the web.
fn url(text: &str) -> Option<OwnUrl> {
    let (tls, rest) = match text.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("http://")?),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    let good = |c: char| c.is_ascii_graphic() && c != '#';
    if authority.is_empty() || !target.chars().all(good) || !authority.chars().all(good) {
        return None;
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, after) = inner.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, after.strip_prefix(':').or_else(|| after.is_empty().then_some(""))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(name) {
        return None;
    }
    let port = match port {
        "" => {
            if tls {
                443
            } else {
                80
            }
        }
        digits => digits.parse().ok().filter(|port| *port > 0)?,
    };
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some(OwnUrl {
        tls,
        host: host.to_owned(),
        port,
        authority: authority.to_owned(),
        target: format!("{slash}{target}"),
    })
}

fn dns(fields: &mut Fields<'_>) -> Option<OwnDns> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in fields.list("addresses") {
        match text.parse() {
            Ok(address) => addresses.push(address),
            Err(_) => fields.wrong("addresses", format!("expected IP addresses, found `{text}`")),
        }
    }
    let (exact, exists) = (fields.switch("exact", false), fields.switch("exists", true));
    if exact && addresses.is_empty() {
        fields.wrong("exact", "is of no use without `addresses`");
    }
    if !exists && !addresses.is_empty() {
        fields.wrong("addresses", "is of no use with `exists = false`");
    }
    let latency = super::super::model::Limits::default();
    Some(OwnDns { name: fields.text("name")?, addresses, exact, exists, latency })
}

fn file(fields: &mut Fields<'_>) -> Option<OwnFile> {
    let exists = fields.switch("exists", true);
    let judged = [
        "type",
        "owner",
        "group",
        "mode",
        "mode_max",
        "warn_age_s",
        "crit_age_s",
        "min_bytes",
        "warn_bytes",
        "crit_bytes",
    ];
    for name in judged.into_iter().filter(|_| !exists) {
        if fields.has(name) {
            fields.wrong(name, "is of no use with `exists = false`");
        }
    }
    if fields.has("mode") && fields.has("mode_max") {
        fields.wrong("mode_max", "excludes `mode`");
    }
    let kind = match fields.text("type").as_deref() {
        Some("file") => Some(FileType::File),
        Some("directory") => Some(FileType::Directory),
        Some("link") => Some(FileType::Link),
        Some("socket") => Some(FileType::Socket),
        Some("fifo") => Some(FileType::Fifo),
        Some("device") => Some(FileType::Device),
        _ => None,
    };
    let octal = |text: Option<String>| text.and_then(|digits| u32::from_str_radix(&digits, 8).ok());
    let size = fields.limits("warn_bytes", "crit_bytes", false);
    Some(OwnFile {
        path: fields.path("path")?,
        exists,
        kind,
        owner: fields.text("owner"),
        group: fields.text("group"),
        mode: octal(fields.text("mode")),
        mode_max: octal(fields.text("mode_max")),
        age: fields.limits("warn_age_s", "crit_age_s", false),
        size,
        min_bytes: fields.integer("min_bytes"),
        user: fields.text("user"),
    })
}

fn process(fields: &mut Fields<'_>) -> OwnProcess {
    if !fields.has("name") && !fields.has("command") {
        fields.wrong("name", "is missing: expected `name`, `command` or both");
    }
    let process = OwnProcess {
        name: fields.text("name"),
        command: fields.pattern("command"),
        user: fields.text("user"),
        min: fields.integer("min").unwrap_or(1),
        max: fields.integer("max"),
        warn_min: fields.integer("warn_min"),
        warn_max: fields.integer("warn_max"),
    };
    for (low, high) in [
        (("min", Some(process.min)), ("max", process.max)),
        (("min", Some(process.min)), ("warn_min", process.warn_min)),
        (("warn_max", process.warn_max), ("max", process.max)),
        (("warn_min", process.warn_min), ("warn_max", process.warn_max)),
    ] {
        if let ((below, Some(least)), (above, Some(most))) = (low, high)
            && most < least
        {
            let name = if fields.has(above) { above } else { below };
            fields.wrong(
                name,
                format!("expected `{above}` to be at least `{below}`, which is {least}, found {most}"),
            );
        }
    }
    process
}

fn unit(fields: &mut Fields<'_>) -> Option<String> {
    let name = fields.text("unit")?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | ':' | '\\');
    if name.starts_with('-') || !name.chars().all(good) {
        fields.wrong("unit", "expected the name of a unit, such as `nginx` or `apt-daily.timer`");
        return None;
    }
    Some(name)
}

fn command(fields: &mut Fields<'_>) -> Option<OwnCommand> {
    let argv = fields.list("argv");
    let Some(program) = argv.first() else {
        if fields.has("argv") {
            fields.wrong("argv", "expected a program and its arguments, found none");
        }
        return None;
    };
    if program.contains('/') && !program.starts_with('/') {
        fields.wrong("argv", "expected an absolute path, or the bare name of a program of the system");
    }
    let nagios = fields.switch("nagios", false);
    if nagios {
        for name in ["exit", "output"] {
            if fields.has(name) {
                fields.wrong(name, "is of no use with `nagios = true`, where the plugin decides");
            }
        }
    }
    Some(OwnCommand {
        argv,
        user: fields.text("user"),
        dir: fields.path("dir"),
        nagios,
        exit: fields.integers("exit").unwrap_or_else(|| if nagios { Vec::new() } else { vec![0] }),
        output: fields.pattern("output"),
        latency: super::super::model::Limits::default(),
    })
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
