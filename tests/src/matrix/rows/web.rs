//! Faults of the web site: nginx, gunicorn behind it, certificates, static files, open ports.

use std::time::Duration;

use crate::inject;
use crate::matrix::Fault;
use crate::stand_in::{Certificate, Liar, Manner, Mischief};

const SERVING: &str = "web.serving";
const TLS: &str = "web.tls";
const PORTS: &str = "ports.exposed";
const ASSETS: &str = "assets.compression";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    let mut rows = servers();
    rows.extend(strangers());
    rows.extend(answers());
    rows.extend(settings());
    rows.extend(certificates());
    rows.extend(ports());
    rows.extend(files());
    rows
}

/// nginx and gunicorn themselves.
fn servers() -> Vec<Fault> {
    vec![
        Fault::new("nginx is stopped", "stopped")
            .with(inject::stopped("nginx"))
            .culprit(SERVING, "failed refused")
            .telling("nginx"),
        Fault::new("nginx hangs", "hung")
            .with(inject::hung("nginx"))
            .culprit(SERVING, "failed timeout")
            .telling("nginx"),
        Fault::new("nginx listens on another port", "wrong port")
            .set("web.port", 1)
            .culprit(SERVING, "failed refused"),
        Fault::new("gunicorn is stopped", "stopped")
            .with(inject::stopped("gunicorn"))
            .culprit(SERVING, "failed refused")
            .telling("gunicorn"),
        Fault::new("gunicorn hangs", "hung")
            .with(inject::hung("gunicorn"))
            .culprit(SERVING, "failed timeout")
            .telling("gunicorn"),
        Fault::new("gunicorn listens elsewhere than nginx and we think", "wrong port")
            .set("gunicorn.port", 1)
            .culprit(SERVING, "failed refused")
            .telling("gunicorn"),
    ]
}

/// Somebody else listens where nginx or gunicorn should.
fn strangers() -> Vec<Fault> {
    const HUGE: Manner = Manner::Huge(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 104857600\r\n\r\n<html>",
        b"x",
    );
    const ENDLESS_HEAD: Manner = Manner::Huge(b"HTTP/1.1 200 OK\r\n", b"x-more: of the same\r\n");
    let mut rows = Vec::new();
    for (section, server) in [("web", "nginx"), ("gunicorn", "gunicorn")] {
        for (mechanism, does, manner, says) in [
            ("garbage", "talks garbage", Manner::Garbage, "failed garbage"),
            ("garbage without end", "talks garbage without end", Manner::Flood, "failed garbage"),
            ("silence", "accepts and says nothing", Manner::Silent, "failed timeout"),
            ("drip", "sends a byte of garbage a second", Manner::Drip, "failed timeout|failed garbage"),
            ("hang-up", "hangs up at once", Manner::HangUp, "failed connection_lost"),
            ("headers without end", "sends headers without end", ENDLESS_HEAD, "failed garbage"),
        ] {
            let name = format!("in the place of {server} somebody {does}");
            rows.push(Fault::new(name, mechanism).with(inject::liar(section, manner)).culprit(SERVING, says));
        }
    }
    rows.push(
        Fault::new("in the place of nginx somebody answers everything with 100 MB", "100 MB")
            .with(inject::liar("web", HUGE))
            .culprit(SERVING, "failed wrong_answer|failed garbage+wrong_answer|failed garbage"),
    );
    rows
}

/// The real nginx, and a bad way to it.
fn answers() -> Vec<Fault> {
    let row = |name: &str, mechanism, mischief| {
        Fault::new(format!("{name} nginx"), mechanism).with(inject::proxied("web", mischief))
    };
    vec![
        row(
            "the connection is reset in the middle of an answer of",
            "reset mid-answer",
            Mischief::ResetAfter(9),
        )
        .culprit(SERVING, "failed connection_lost"),
        row("the connection ends in the middle of an answer of", "cut mid-answer", Mischief::CutAfter(40))
            .culprit(SERVING, "failed connection_lost"),
        row("nothing more comes in the middle of an answer of", "stall mid-answer", Mischief::StallAfter(9))
            .culprit(SERVING, "failed timeout"),
        row("one byte a second comes of", "drip of a real answer", Mischief::Drip)
            .culprit(SERVING, "failed timeout"),
        row("every answer takes 50 ms longer of", "slow network", Mischief::Late(Duration::from_millis(50))),
    ]
}

/// nginx or the site, configured wrongly.
fn settings() -> Vec<Fault> {
    const WRONG: &str = "failed wrong_answer";
    let row = |name: &str, mechanism, changes| Fault::new(name, mechanism).with(inject::nginx(changes));
    vec![
        row(
            "nginx does not know the site's host and redirects it to itself",
            "redirect",
            &[("server_name coursys.test;", "server_name other.test;")],
        )
        .culprit(SERVING, WRONG)
        .telling("loop"),
        row(
            "the host that redirects does so to itself",
            "redirect",
            &[("return 301 https://coursys.test", "return 301 https://courses.test")],
        )
        .culprit(SERVING, WRONG)
        .telling("loop"),
        row(
            "a host redirects to somebody else",
            "redirect",
            &[("return 301 https://coursys.test", "return 301 https://elsewhere.test")],
        )
        .culprit(SERVING, WRONG)
        .telling("elsewhere.test"),
        row("a host redirects for the moment only", "redirect", &[("return 301", "return 302")])
            .culprit(SERVING, WRONG)
            .telling("302"),
        row(
            "the site refuses a host that nginx serves",
            "host refused",
            &[("server_name coursys.test;", "server_name coursys.test other.test;")],
        )
        .set("web.hosts", "coursys.test,other.test")
        .culprit(SERVING, "failed rejected")
        .telling("other.test"),
        row(
            "nginx looks for gunicorn elsewhere",
            "wrong port",
            &[("proxy_pass http://", "proxy_pass http://127.0.0.9:1;#")],
        )
        .culprit(SERVING, "failed server_error")
        .telling("502"),
        row("nginx does not say how long to keep static files", "wrong header", &[("expires 1d;", "")])
            .culprit(SERVING, WRONG)
            .telling("keep"),
        row("nginx knows no types of files", "wrong header", &[("include ", "# include ")])
            .culprit(SERVING, WRONG)
            .telling("octet-stream"),
        row(
            "nginx answers 503 though there is no maintenance",
            "wrong header",
            &[("set $maintenance 0;", "return 503;")],
        )
        .culprit(SERVING, "failed server_error")
        .telling("503"),
        Fault::new("the public page is not there", "wrong path")
            .set("web.page", "/nosuch/")
            .culprit(SERVING, "failed not_found"),
        Fault::new("the public page needs a login", "wrong path")
            .set("web.page", "/")
            .culprit(SERVING, WRONG)
            .telling("/login/"),
        Fault::new("every page fails with an exception", "missing table")
            .with(inject::sql(
                "RENAME TABLE log_requestlog TO log_requestlog_gone",
                "RENAME TABLE log_requestlog_gone TO log_requestlog",
            ))
            .culprit(SERVING, "failed server_error")
            .telling("500"),
        Fault::new("no host of the site is configured", "not configured")
            .set("web.hosts", "")
            // Whom CAS sends people back to is made of the first host.
            .set("cas.service", "https://coursys.test/login/")
            .culprit(SERVING, "failed not_configured"),
    ]
}

/// What speaks TLS for the site, and its certificate.
fn certificates() -> Vec<Fault> {
    let mut rows: Vec<Fault> = [
        ("certificate out of its time", "has expired", Certificate::Expired, "failed tls_expired"),
        ("certificate out of its time", "is not valid yet", Certificate::NotYetValid, "failed tls_expired"),
        ("certificate of another host", "is another host's", Certificate::WrongHost, "failed tls_wrong_host"),
        ("certificate untrusted", "is signed by itself", Certificate::SelfSigned, "failed tls_untrusted"),
        (
            "certificate untrusted",
            "lacks its issuer's",
            Certificate::IncompleteChain,
            "failed tls_incomplete",
        ),
        ("certificate out of its time", "has five days left", Certificate::Ends(5), "warning expiring"),
    ]
    .map(|(mechanism, is, certificate, says)| {
        Fault::new(format!("the site's certificate {is}"), mechanism)
            .with(inject::web_certificate(certificate))
            .culprit(TLS, says)
    })
    .into();
    rows.extend([
        Fault::new("the site's certificate has a month left", "TLS as it should be")
            .with(inject::web_certificate(Certificate::Ends(30))),
        Fault::new("nothing speaks TLS for the site", "wrong port")
            .set("web.https_port", 1)
            .culprit(TLS, "failed refused"),
        Fault::new("the site's port for TLS speaks none", "TLS not offered")
            .with(|scene| {
                let plain = scene.servers.configured("web", "port");
                scene.set("web.https_port", plain);
            })
            .culprit(TLS, "failed tls_not_offered"),
        Fault::new("the site's port for TLS is silent", "silence")
            .with(|scene| scene.set("web.https_port", Liar::new(Manner::Silent).port))
            .culprit(TLS, "failed timeout"),
        Fault::new("the authority of the site's certificate is not trusted", "certificate untrusted")
            .set("web.tls_ca_file", "")
            .culprit(TLS, "failed tls_incomplete"),
    ]);
    rows
}

/// What listens for the world.
fn ports() -> Vec<Fault> {
    let row = |name: &str, options| {
        Fault::new(name, "port exposed").with(inject::exposed(options)).culprit(PORTS, "failed exposed")
    };
    vec![
        row("memcached listens on every IPv4 address", &["-l", "0.0.0.0", "-p", "PORT", "-U", "0"])
            .telling("memcached"),
        row("memcached listens on every IPv6 address", &["-l", "::", "-p", "PORT", "-U", "0"]).telling("::"),
        row("memcached listens on every address over UDP", &["-l", "0.0.0.0", "-p", "0", "-U", "PORT"])
            .telling("/udp"),
        Fault::new("a memcached of its own listens on loopback", "port not exposed")
            .with(inject::exposed(&["-l", "127.0.0.1", "-p", "PORT", "-U", "PORT"])),
    ]
}

/// Static and compressed files.
fn files() -> Vec<Fault> {
    vec![
        Fault::new("a static file is missing", "missing file")
            .with(inject::missing("files/static/icons/favicon.ico"))
            .culprit(SERVING, "failed not_found"),
        Fault::new("a static file is empty", "wrong format")
            .with(inject::replaced("files/static/icons/favicon.ico", ""))
            .culprit(SERVING, "failed empty"),
        Fault::new("the compressed styles are gone, and pages still name them", "missing file")
            .with(inject::missing("files/static/CACHE/css"))
            .culprit(ASSETS, "failed not_found")
            .telling("css/output."),
        Fault::new("the compressed scripts are empty", "wrong format")
            .with(inject::emptied("js"))
            .culprit(ASSETS, "failed empty"),
        Fault::new("compression is switched off", "wrong setting of the site")
            .with(inject::uncompressed)
            .culprit(ASSETS, "failed not_compressed"),
        Fault::new("a static file is older than the code", "outdated file")
            .with(inject::outdated("files/static/icons/favicon.ico"))
            .culprit(ASSETS, "failed stale")
            .telling("icons/favicon.ico"),
        Fault::new("static files were never collected", "missing file")
            .set("files.static", "/nonexistent")
            .culprit(ASSETS, "failed not_found"),
    ]
}
