//! nginx in front of the site, laid out as on the real server: static files, the 503 flag, a host that redirects, and a
//! default server. It speaks TLS on a second port, where the real one leaves that to a load balancer.

use std::fmt::Write as _;

use anyhow::Result;

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::http::Request;
use super::probe::{Probe, Wire};
use super::program::Program;
use super::setting::{Setting, text};
use super::site::{HOST, REDIRECTED_HOST};
use super::tls::Tls;

/// The server's name in `status`.
pub const NAME: &str = "nginx";

/// Debian's path.
pub const PROGRAM: &str = "/usr/sbin/nginx";

/// Its log, in its own directory.
const LOG: &str = "error.log";

/// A static file that is always there: it tells that nginx answers, also when nobody is behind it.
pub const STATIC_FILE: &str = "/static/icons/favicon.ico";

/// The plan. `version` is shown in `status`. It answers as soon as the site's static files are collected.
///
/// # Errors
/// What the cryptographic library says.
pub fn plan(setting: &Setting, version: String) -> Result<Plan> {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let conf = text(home.join("nginx.conf"));
    let tls = Tls::of_hosts(&[HOST, REDIRECTED_HOST])?;
    let private = |name: &str, content: String| ConfigFile::private(home.join(name), account, content);
    let files = vec![
        private("nginx.conf", configuration(setting)),
        private("chain.pem", tls.certificate),
        private("server.key", tls.key),
        private("mime.types", MIME_TYPES.into()),
        // Whoever runs the checks must be able to trust it.
        ConfigFile { path: setting.web_ca(), content: tls.ca, account: setting.operator(), mode: 0o644 },
    ];
    let argv = [PROGRAM, "-c", &conf, "-p", &text(&home), "-e", &text(home.join(LOG))];
    Ok(Plan {
        directories: vec![Directory::private(&home, account)],
        files,
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.nginx),
            socket: None,
            data_dir: home.clone(),
            // It opens its log itself, as its own account.
            log: home.join(LOG),
            program: Program::new(layout, NAME, account, &argv),
            probe: Probe::Page(Request::get(
                Wire::Plain(setting.address(setting.ports.nginx)),
                HOST,
                STATIC_FILE,
            )),
        },
    })
}

/// What static files are; Debian's own list is long.
const MIME_TYPES: &str = "types {\n    text/html html;\n    text/css css;\n    application/javascript js;\n    \
                          image/x-icon ico;\n    image/png png;\n}\n";

/// What stands in each server block that serves the site. `add_header` and `expires` are those of the real one.
fn common(setting: &Setting) -> String {
    format!(
        "        rewrite ^/media/(.*)$ /static/$1 permanent;\n\
        \x20       location /static/ {{\n\
        \x20           alias {media}/;\n\
        \x20           expires 1d;\n\
        \x20           add_header Cache-Control public;\n\
        \x20           location /static/CACHE/ {{ alias {media}/CACHE/; expires 365d; }}\n\
        \x20       }}\n\
        \x20       location / {{\n\
        \x20           set $maintenance 0;\n\
        \x20           if (-f {flag}) {{ set $maintenance 1; }}\n\
        \x20           if ($http_x_forwarded_for = \"10.1.2.3\") {{ set $maintenance 0; }}\n\
        \x20           if ($maintenance = 1) {{ return 503 'under maintenance'; }}\n\
        \x20           proxy_pass http://{gunicorn};\n\
        \x20           proxy_read_timeout 1200;\n\
        \x20           proxy_connect_timeout 1200;\n\
        \x20           proxy_redirect off;\n\
        \x20           proxy_set_header Host $host;\n\
        \x20           proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
        \x20           proxy_set_header X-Request-ID $request_id;\n\
        \x20       }}\n",
        media = text(setting.media()),
        flag = text(setting.maintenance_flag()),
        gunicorn = setting.address(setting.ports.web),
    )
}

fn configuration(setting: &Setting) -> String {
    let home = setting.layout.server(NAME);
    let path = |name: &str| text(home.join(name));
    let (plain, encrypted) = (setting.address(setting.ports.nginx), setting.address(setting.ports.nginx_tls));
    let redirect = format!("        return 301 https://{HOST}$request_uri;\n");
    let mut text = format!(
        "daemon off;\nworker_processes 1;\npid {pid};\nerror_log {log} warn;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n    include {types};\n    default_type application/octet-stream;\n    access_log {access};\n    \
         ssl_certificate {chain};\n    ssl_certificate_key {key};\n",
        pid = path("pid"),
        log = path(LOG),
        types = path("mime.types"),
        access = path("access.log"),
        chain = path("chain.pem"),
        key = path("server.key"),
    );
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "    {kind}_temp_path {};", path(kind));
    }
    let mut server = |name: &str, default: &str, content: &str| {
        let _ = write!(
            text,
            "    server {{\n        server_name {name};\n        listen {plain}{default};\n        \
             listen {encrypted} ssl{default};\n{content}    }}\n"
        );
    };
    server(HOST, "", &common(setting));
    server(REDIRECTED_HOST, "", &redirect);
    server("_", " default_server", &redirect);
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::setting::sample;

    #[test]
    fn all_that_it_writes_lies_below_the_directory_of_the_set() {
        let conf = configuration(&sample(&[]));
        for path in conf.split_whitespace().filter(|word| word.starts_with("/tmp")) {
            assert!(path.starts_with("/tmp/coursys-ops-x-abc234/"), "{path}");
        }
        for directive in ["pid", "error_log", "access_log", "client_body_temp_path", "scgi_temp_path"] {
            assert!(conf.contains(&format!("{directive} /tmp/coursys-ops-x-abc234/")), "{directive}");
        }
    }

    #[test]
    fn each_server_listens_on_both_ports_of_the_address_of_the_set() {
        let conf = configuration(&sample(&["--ipv6"]));
        for listen in ["listen [::1]:20011", "listen [::1]:20012 ssl"] {
            assert_eq!(conf.matches(&format!("{listen};")).count(), 2, "{listen}");
            assert_eq!(conf.matches(&format!("{listen} default_server;")).count(), 1, "{listen}");
        }
        assert_eq!(conf.matches('{').count(), conf.matches('}').count());
    }
}
