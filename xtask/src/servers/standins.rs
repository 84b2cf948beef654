//! Strict stand-ins for the services that nobody can have at home: CAS, photos, emplid. See `tests/standins`.

use serde_json::json;

use super::plan::{ConfigFile, Directory, Plan, Server};
use super::probe::http::Request;
use super::probe::{Probe, Wire};
use super::program::Program;
use super::setting::{Setting, text};
use super::site::HOST;

/// The server's name in `status`.
pub const NAME: &str = "standins";

/// Debian's own interpreter.
const PYTHON: &str = "/usr/bin/python3";

/// The program, which other accounts cannot read in somebody's checkout.
const PROGRAM: &str = include_str!("../../../tests/standins/standins.py");

/// The site's account with the photo service.
pub const PHOTO_ACCOUNT: &str = "cs";

/// The plan. `version` is shown in `status`.
pub fn plan(setting: &Setting, version: String) -> Plan {
    let account = &setting.accounts.nobody;
    let layout = &setting.layout;
    let home = layout.server(NAME);
    let (program, secrets) = (home.join("standins.py"), home.join("secrets.json"));
    let (ip, port) = (setting.ip().to_string(), setting.ports.standins.to_string());
    let argv = [PYTHON, "-I", "-B", &text(&program), &ip, &port, &text(&secrets)];
    // Others than the tested program are let in nowhere else.
    let wire = Wire::Plain(setting.address(setting.ports.standins));
    Plan {
        directories: vec![Directory::private(&home, account)],
        files: vec![
            ConfigFile::private(&program, account, PROGRAM),
            ConfigFile::private(&secrets, account, known(setting)),
        ],
        preparations: Vec::new(),
        server: Server {
            name: NAME.into(),
            version,
            port: Some(setting.ports.standins),
            socket: None,
            data_dir: home,
            log: layout.log(NAME),
            program: Program::new(layout, NAME, account, &argv),
            probe: Probe::Page(Request::get(wire, "standins.test", "/ready")),
        },
    }
}

/// What the stand-ins know of the site.
fn known(setting: &Setting) -> String {
    let secrets = &setting.names.secrets;
    json!({
        "service": format!("https://{HOST}/login/"),
        "photos": { "account": PHOTO_ACCOUNT, "password": secrets.photos },
        "emplid": { "secret": secrets.emplid },
    })
    .to_string()
}

/// The address of one of them, with the manner in which it is to behave.
pub fn url(setting: &Setting, manner: &str, service: &str) -> String {
    format!("http://{}/{manner}/{service}", setting.address(setting.ports.standins))
}
