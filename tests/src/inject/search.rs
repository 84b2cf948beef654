//! Elasticsearch with other settings, asked by its administrator.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;

use crate::Servers;
use crate::matrix::Scene;

/// A request to Elasticsearch: method, path, and body of JSON.
#[derive(Debug, Clone, Copy)]
pub struct Request(pub &'static str, pub &'static str, pub &'static str);

/// Makes requests when it is dropped.
struct Undo<'a>(&'a Servers, &'static [Request]);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        for request in self.1 {
            let _ = send(self.0, *request);
        }
    }
}

/// Requests to Elasticsearch, and those that undo them.
pub fn search(requests: &'static [Request], undo: &'static [Request]) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(Undo(servers, undo));
        for request in requests {
            let answer = send(servers, *request);
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(status.starts_with('2'), "{request:?}: {answer}");
        }
    }
}

/// Makes one request; returns all of the answer. Without TLS.
fn send(servers: &Servers, Request(method, path, body): Request) -> String {
    let address =
        format!("{}:{}", servers.configured("search", "host"), servers.configured("search", "port"));
    let mut login = String::new();
    if std::fs::read_to_string(&servers.config).is_ok_and(|text| has_login(&text)) {
        let password = std::fs::read_to_string(servers.configured("search", "password_file")).unwrap();
        let pair = format!("{}:{}", servers.configured("search", "user"), password.trim_end_matches('\n'));
        login =
            format!("Authorization: Basic {}\r\n", base64::engine::general_purpose::STANDARD.encode(pair));
    }
    let mut stream = TcpStream::connect(&address).expect("Elasticsearch listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{login}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// Whether Elasticsearch wants a password in this configuration.
fn has_login(config: &str) -> bool {
    config.parse::<toml::Table>().is_ok_and(|table| table["search"].get("password_file").is_some())
}
