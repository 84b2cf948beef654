//! Faults of CAS, photos and the emplid API, by strict stand-ins, and of the reporting database.

use crate::administrator;
use crate::inject;
use crate::matrix::{Fault, Scene};
use crate::stand_in::{Manner, Mischief};

const CAS: &str = "cas.login";
const PHOTOS: &str = "photos.service";
const EMPLID: &str = "emplid.api";
const REPORTING: &str = "reporting-db.query";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [all_three(), cas(), photos(), emplid(), reporting_db()].into_iter().flatten().collect()
}

/// The stand-in at the address of a key behaves in this manner; see `tests/standins`.
fn manner(section: &'static str, name: &'static str, manner: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let url = scene.servers.configured(section, name);
        scene.set(&format!("{section}.{name}"), url.replace("/well/", &format!("/{manner}/")));
    }
}

fn all_three() -> Vec<Fault> {
    vec![
        Fault::new("the outside services are stopped", "stopped")
            .with(inject::stopped("standins"))
            .culprit(CAS, "failed refused")
            .culprit(PHOTOS, "failed refused")
            .culprit(EMPLID, "failed refused"),
        Fault::new("the outside services hang", "hung")
            .with(inject::hung("standins"))
            .culprit(CAS, "failed timeout")
            .culprit(PHOTOS, "failed timeout")
            .culprit(EMPLID, "failed timeout"),
    ]
}

fn cas() -> Vec<Fault> {
    let cas = |name: &str, mechanism, how| Fault::new(name, mechanism).with(manner("web", "cas_url", how));
    vec![
        cas("CAS answers too slowly", "slow service", "slow").culprit(CAS, "failed timeout"),
        cas("CAS answers one byte a second", "drip", "drip").culprit(CAS, "failed timeout"),
        cas("CAS is broken", "service error", "error").culprit(CAS, "failed server_error"),
        cas("CAS is another web site", "another service", "html").culprit(CAS, "failed wrong_answer+garbage"),
        cas("CAS has moved", "another service", "moved")
            .culprit(CAS, "failed wrong_answer")
            .telling("elsewhere.test"),
        cas("the login page of CAS has no form", "another service", "noform")
            .culprit(CAS, "failed wrong_answer"),
        cas("CAS does not know the site", "another service", "stranger").culprit(CAS, "failed rejected"),
        cas("CAS takes any ticket", "another service", "trusting")
            .culprit(CAS, "failed wrong_answer")
            .telling("nobody has given out"),
        Fault::new("CAS speaks no HTTP", "garbage")
            .with(inject::liar_for("web.cas_url", "http://{}/cas", Manner::Garbage))
            .culprit(CAS, "failed garbage"),
        Fault::new("CAS never ends its answer", "100 MB")
            .with(inject::liar_for(
                "web.cas_url",
                "http://{}/cas",
                Manner::Huge(b"HTTP/1.1 200 OK\r\n\r\n", b"<html>lorem ipsum</html>"),
            ))
            .culprit(CAS, "failed garbage"),
        Fault::new("the proxy to CAS is gone", "proxy gone")
            .set("cas.proxy", "http://127.0.0.1:1")
            .culprit(CAS, "failed refused"),
        Fault::new("no address of CAS is configured", "not configured")
            .set("web.cas_url", "")
            .culprit(CAS, "failed not_configured"),
    ]
}

fn photos() -> Vec<Fault> {
    let photos = |name: &str, mechanism, how| Fault::new(name, mechanism).with(manner("photos", "url", how));
    vec![
        Fault::new("the password of the photo service is wrong", "wrong password")
            .set("photos.password", "wrong-photos")
            .culprit(PHOTOS, "failed access_denied"),
        Fault::new("the site's own password for the photos is wrong", "wrong password")
            .with(inject::sql(WRONG_PHOTO_PASSWORD, RIGHT_PHOTO_PASSWORD))
            .culprit(PHOTOS, "failed access_denied"),
        Fault::new("the site has no password for the photos", "not configured")
            .with(inject::sql(NO_PHOTO_PASSWORD, RIGHT_PHOTO_PASSWORD))
            .culprit(PHOTOS, "failed not_configured"),
        photos("the photo service answers too slowly", "slow service", "slow")
            .culprit(PHOTOS, "failed timeout"),
        photos("the photo service is broken", "service error", "error")
            .culprit(PHOTOS, "failed server_error"),
        photos("the photo service gives no token", "wrong contents", "notoken")
            .culprit(PHOTOS, "failed garbage"),
        photos("the photo service does not take its own token", "wrong password", "badtoken")
            .culprit(PHOTOS, "failed access_denied"),
        photos("the known photo is gone", "row gone", "nophoto").culprit(PHOTOS, "failed not_found"),
        photos("the known photo is no photo", "wrong contents", "nojpeg")
            .culprit(PHOTOS, "failed wrong_answer"),
        photos("the photo is not in base64", "wrong contents", "nobase64").culprit(PHOTOS, "failed garbage"),
    ]
}

fn emplid() -> Vec<Fault> {
    let emplid = |name: &str, mechanism, how| Fault::new(name, mechanism).with(manner("emplid", "url", how));
    vec![
        Fault::new("the secret of the emplid API is wrong", "wrong password")
            .set("emplid.secret", "wrong-emplid")
            .culprit(EMPLID, "failed access_denied"),
        emplid("the emplid API answers too slowly", "slow service", "slow").culprit(EMPLID, "failed timeout"),
        emplid("the emplid API answers one byte a second", "drip", "drip").culprit(EMPLID, "failed timeout"),
        emplid("the emplid API is broken", "service error", "error").culprit(EMPLID, "failed server_error"),
        emplid("the emplid API is another web site", "another service", "html")
            .culprit(EMPLID, "failed garbage"),
        emplid("the known user is gone", "row gone", "unknown").culprit(EMPLID, "failed not_found"),
        emplid("the number of the known user is another", "wrong contents", "other")
            .culprit(EMPLID, "failed wrong_answer"),
        emplid("the emplid API tells no number", "wrong contents", "nonumber")
            .culprit(EMPLID, "failed not_found"),
        Fault::new("the emplid API hangs up", "hang-up")
            .with(inject::liar_for("emplid.url", "http://{}/global.json", Manner::HangUp))
            .culprit(EMPLID, "failed connection_lost"),
        Fault::new("the secret of the emplid API cannot be read", "secret unreadable")
            .set("emplid.secret_file", "/nonexistent/secret")
            .culprit(EMPLID, "failed secret_unreadable"),
    ]
}

/// What the site keeps in the settings of `univ`; the right password waits beside it.
const WRONG_PHOTO_PASSWORD: &str = "UPDATE coredata_unit SET config = JSON_SET(config, '$.kept', \
    JSON_VALUE(config, '$.photopass'), '$.photopass', 'wrong-photos') WHERE slug = 'univ'";
const NO_PHOTO_PASSWORD: &str = "UPDATE coredata_unit SET config = JSON_SET(config, '$.kept', \
    JSON_VALUE(config, '$.photopass'), '$.photopass', '') WHERE slug = 'univ'";
const RIGHT_PHOTO_PASSWORD: &str = "UPDATE coredata_unit SET config = JSON_REMOVE(JSON_SET(config, '$.photopass', \
    JSON_VALUE(config, '$.kept')), '$.kept') WHERE slug = 'univ' AND JSON_EXISTS(config, '$.kept')";

/// The name in the row that the check asks for, in UTF-8.
const RIGHT_NAME: &str = "UPDATE PS_NAMES SET LAST_NAME = _utf8mb4 X'42C3A4636B6572'";

/// Runs a statement in the reporting database when it is dropped.
struct Undo<'a>(&'a crate::Servers, &'static str);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let _ = administrator::reporting_sql(self.0, self.1);
    }
}

/// A statement of the reporting database's administrator, and one that undoes it.
fn reporting_sql(statement: &'static str, undo: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(Undo(servers, undo));
        let _ = administrator::reporting_sql(servers, statement);
    }
}

/// A session that has the table for itself until the row is over.
fn locked(scene: &mut Scene<'_>) {
    let root = scene.servers.root();
    let owner =
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(root.join("run/reporting-db.sock")).unwrap());
    let mut command = std::process::Command::new("setpriv");
    command.args([&format!("--reuid={owner}"), "--clear-groups", "mariadb", "--no-defaults", "--user=mysql"]);
    command.arg(format!("--socket={}", root.join("run/reporting-db.sock").display()));
    command.args(["CSRPT", "--execute", "LOCK TABLES PS_NAMES WRITE; SELECT SLEEP(60)"]).current_dir("/");
    inject::spawned(scene, command, std::time::Duration::from_secs(1));
}

fn reporting_db() -> Vec<Fault> {
    let server = |name: &str, mechanism| Fault::new(name, mechanism);
    vec![
        server("the reporting database is stopped", "stopped")
            .with(inject::stopped("reporting-db"))
            .culprit(REPORTING, "failed refused"),
        server("the reporting database hangs", "hung")
            .with(inject::hung("reporting-db"))
            .culprit(REPORTING, "failed timeout"),
        server("the reporting database's password is wrong", "wrong password")
            .set("reporting_db.password", "wrong-reporting")
            .culprit(REPORTING, "failed access_denied"),
        server("the reporting database has another name", "wrong name")
            .set("reporting_db.database", "nosuch")
            .culprit(REPORTING, "failed unknown_database"),
        server("the table of names is gone from the reporting database", "missing table")
            .with(reporting_sql("RENAME TABLE PS_NAMES TO ELSEWHERE", "RENAME TABLE ELSEWHERE TO PS_NAMES"))
            .culprit(REPORTING, "failed table_missing"),
        server("the known person is gone from the reporting database", "row gone")
            .with(reporting_sql(
                "UPDATE PS_NAMES SET EMPLID = '1'",
                "UPDATE PS_NAMES SET EMPLID = '301355288'",
            ))
            .culprit(REPORTING, "failed empty"),
        server("the known person has married", "wrong contents")
            .with(reporting_sql("UPDATE PS_NAMES SET LAST_NAME = 'Miller'", RIGHT_NAME))
            .culprit(REPORTING, "failed wrong_answer"),
        server("a name was decoded wrongly before it was stored", "latin1 connection")
            .with(reporting_sql("UPDATE PS_NAMES SET LAST_NAME = _utf8mb4 X'42C383C2A4636B6572'", RIGHT_NAME))
            .culprit(REPORTING, "failed mangled"),
        server("the driver of the reporting database is missing", "driver missing")
            .set("reporting_db.driver", "No Such Driver")
            .culprit(REPORTING, "failed no_driver"),
        server("the table of names is locked", "lock wait").with(locked).culprit(REPORTING, "failed timeout"),
        server("the reporting database is another server", "garbage")
            .with(inject::liar("reporting_db", Manner::Garbage))
            .culprit(REPORTING, "failed connection_lost|failed server_error|failed garbage"),
        server("the reporting database hangs up in the middle of its answer", "reset mid-answer")
            .with(inject::proxied("reporting_db", Mischief::ResetAfter(200)))
            .culprit(REPORTING, "failed connection_lost|failed server_error"),
        server("the reporting database says nothing", "silence")
            .with(inject::liar("reporting_db", Manner::Silent))
            .culprit(REPORTING, "failed timeout"),
        server("the ticket for the reporting database is gone", "need failed")
            .set("reporting_db.trusted", true)
            .with(inject::missing("home/krb5cc"))
            .culprit("kerberos.ticket", "failed not_found"),
    ]
}
