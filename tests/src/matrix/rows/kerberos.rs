//! Faults of the Kerberos ticket: real tickets of a real KDC wherever it can give such a one.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::inject;
use crate::matrix::{Fault, Scene};

const ID: &str = "kerberos.ticket";
const CACHE: &str = "home/krb5cc";
const DIRECTORY: &str = "home/kerberos";
const KEYTAB: &str = "home/kerberos/adsfu.keytab";
const USERNAME: &str = "home/kerberos/username";
const CRONTAB: &str = "kdc/crontab";
const PRINCIPAL: &str = "coursys@EXAMPLE.TEST";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [caches(), tickets(), keytabs(), refreshing()].into_iter().flatten().collect()
}

/// The site's account, by the owner of its keytab.
fn account(scene: &Scene<'_>) -> (u32, u32) {
    let owner = fs::metadata(scene.servers.root().join(KEYTAB)).unwrap();
    (owner.uid(), owner.gid())
}

/// A program of MIT Kerberos as the site's user, in the realm of the set of servers.
fn in_realm(scene: &Scene<'_>, argv: &[&str]) -> Command {
    let (uid, gid) = account(scene);
    let kdc = scene.servers.root().join("kdc");
    let mut command = Command::new("setpriv");
    command
        .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
        .args(argv);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/bin").current_dir("/");
    command.env("KRB5_CONFIG", kdc.join("krb5.conf")).env("KRB5_KDC_PROFILE", kdc.join("kdc.conf"));
    command
}

fn succeeds(mut command: Command) {
    let output = command.output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A directory of the row's own that belongs to the site's user alone.
fn own_directory(scene: &mut Scene<'_>) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = scene.directory();
    let (uid, gid) = account(scene);
    chown(&directory, Some(uid), Some(gid)).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    directory
}

/// A ticket cache that `kinit` makes with these further arguments, in the place of the site's.
fn kinit(arguments: &'static [&'static str], settle: Duration) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let cache = own_directory(scene).join("krb5cc");
        let keytab = scene.servers.root().join(KEYTAB);
        let mut argv = vec!["kinit", "-k", "-t", keytab.to_str().unwrap(), "-c", cache.to_str().unwrap()];
        argv.extend(arguments);
        argv.push(PRINCIPAL);
        succeeds(in_realm(scene, &argv));
        sleep(settle);
        scene.set("kerberos.cache", cache.display());
    }
}

/// What the real file holds becomes what `change` makes of it.
fn changed(path: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let contents = fs::read(scene.servers.root().join(path)).unwrap();
        inject::replaced(path, change(contents))(scene);
    }
}

fn caches() -> Vec<Fault> {
    vec![
        Fault::new("there is no ticket cache", "missing file")
            .with(inject::missing(CACHE))
            .culprit(ID, "failed not_found"),
        Fault::new("the ticket cache holds something else", "garbage in a file")
            .with(inject::replaced(CACHE, "root:x:0:0:root:/root:/bin/bash\n"))
            .culprit(ID, "failed garbage"),
        Fault::new("the ticket cache is cut off", "file cut off")
            .with(changed(CACHE, |bytes| bytes[..bytes.len() - 100].to_vec()))
            .culprit(ID, "failed garbage")
            .telling("cut off"),
        Fault::new("the ticket cache is of a version of twenty years ago", "wrong format")
            .with(changed(CACHE, |bytes| [&[5, 2], &bytes[2..]].concat()))
            .culprit(ID, "failed garbage")
            .telling("version 2"),
        Fault::new("everybody can read the ticket cache", "wrong mode")
            .with(inject::chmod(CACHE, 0o644))
            .culprit(ID, "failed too_open"),
        Fault::new("the ticket cache belongs to somebody else", "wrong owner")
            .with(inject::chown(CACHE, 2, 2))
            .culprit(ID, "failed not_readable"),
        Fault::new("the ticket cache is a symbolic link", "wrong type")
            .with(|scene| {
                let link = own_directory(scene).join("krb5cc");
                symlink(scene.servers.root().join(CACHE), &link).unwrap();
                scene.set("kerberos.cache", link.display());
            })
            .culprit(ID, "failed not_a_file"),
    ]
}

fn tickets() -> Vec<Fault> {
    vec![
        Fault::new("the ticket has expired", "ticket out of its time")
            .with(kinit(&["-l", "1s"], Duration::from_secs(2)))
            .culprit(ID, "failed expired"),
        Fault::new("the ticket expires within the hour", "ticket out of its time")
            .with(kinit(&["-l", "1h"], Duration::ZERO))
            .culprit(ID, "warning expires_soon"),
        Fault::new("the ticket is good only from tomorrow on", "ticket out of its time")
            .with(kinit(&["-s", "1d", "-l", "2d"], Duration::ZERO))
            .culprit(ID, "failed not_yet_valid"),
        Fault::new("the cache holds a ticket for a service only", "ticket of another")
            .with(kinit(&["-S", "coursys"], Duration::ZERO))
            .culprit(ID, "failed no_ticket"),
        Fault::new("the ticket is somebody else's", "ticket of another")
            .with(|scene| {
                let directory = own_directory(scene);
                let (keytab, cache) = (directory.join("keytab"), directory.join("krb5cc"));
                other_principal(scene, &keytab);
                let (keytab, cache) = (keytab.to_str().unwrap(), cache.to_str().unwrap());
                succeeds(in_realm(scene, &["kinit", "-k", "-t", keytab, "-c", cache, "other"]));
                scene.set("kerberos.cache", cache);
            })
            .culprit(ID, "failed wrong_principal")
            .telling("other@EXAMPLE.TEST"),
        Fault::new("the site is told that it is somebody else", "ticket of another")
            .set("kerberos.principal", "other@EXAMPLE.TEST")
            .culprit(ID, "failed wrong_principal"),
    ]
}

/// Runs `kadmin.local` when it is dropped.
struct Undo(Command);

impl Drop for Undo {
    fn drop(&mut self) {
        let _ = self.0.output();
    }
}

/// The principal `other`, for as long as the row lasts, with its key in a keytab.
fn other_principal(scene: &mut Scene<'_>, keytab: &Path) {
    let admin = |scene: &Scene<'_>, query: &str| {
        in_realm(scene, &["kadmin.local", "-r", "EXAMPLE.TEST", "-q", query])
    };
    let undo = admin(scene, "delprinc -force other");
    scene.hold(Undo(undo));
    succeeds(admin(scene, "addprinc -randkey other"));
    succeeds(admin(scene, &format!("ktadd -norandkey -k {} other", keytab.display())));
}

fn keytabs() -> Vec<Fault> {
    vec![
        Fault::new("there is no keytab", "missing file")
            .with(inject::missing(KEYTAB))
            .culprit(ID, "failed not_found"),
        Fault::new("everybody can read the keytab", "wrong mode")
            .with(inject::chmod(KEYTAB, 0o644))
            .culprit(ID, "failed too_open"),
        Fault::new("everybody can look into the keytab's directory", "wrong mode")
            .with(inject::chmod(DIRECTORY, 0o755))
            .culprit(ID, "warning too_open"),
        Fault::new("everybody can change the keytab's directory", "wrong mode")
            .with(inject::chmod(DIRECTORY, 0o777))
            .culprit(ID, "failed too_open"),
        Fault::new("the keytab is root's", "wrong owner")
            .with(inject::chown(KEYTAB, 0, 0))
            .culprit(ID, "failed not_readable"),
        Fault::new("the keytab holds something else", "garbage in a file")
            .with(inject::replaced(KEYTAB, "[libdefaults]\n"))
            .culprit(ID, "failed garbage"),
        Fault::new("the keytab is cut off", "file cut off")
            .with(changed(KEYTAB, |bytes| bytes[..bytes.len() - 10].to_vec()))
            .culprit(ID, "failed garbage")
            .telling("cut off"),
        Fault::new("the keytab is somebody else's", "ticket of another")
            .with(|scene| {
                let keytab = own_directory(scene).join("adsfu.keytab");
                other_principal(scene, &keytab);
                scene.set("kerberos.keytab", keytab.display());
            })
            .culprit(ID, "failed wrong_principal"),
        Fault::new("the keytab has keys of an old kind only", "wrong key")
            // The kind of each key is the number before its length: 18 and 17 are AES, 23 is RC4.
            .with(changed(KEYTAB, |mut bytes| {
                for (kind, length) in [(18, 32), (17, 16)] {
                    let at = bytes.windows(4).position(|window| window == [0, kind, 0, length]).unwrap();
                    bytes[at + 1] = 23;
                }
                bytes
            }))
            .culprit(ID, "warning weak_key"),
    ]
}

fn refreshing() -> Vec<Fault> {
    vec![
        Fault::new("the key in the keytab is an old version, so no refresh works", "wrong key")
            .with(|scene| {
                for file in ["kdc/principal", "kdc/principal.kadm5"] {
                    let path = scene.servers.root().join(file);
                    inject::replaced(&path, fs::read(&path).unwrap())(scene);
                }
                succeeds(in_realm(
                    scene,
                    &["kadmin.local", "-r", "EXAMPLE.TEST", "-q", "cpw -randkey coursys"],
                ));
                let (keytab, cache) = (scene.servers.root().join(KEYTAB), scene.servers.root().join(CACHE));
                let (keytab, cache) = (keytab.to_str().unwrap(), cache.to_str().unwrap());
                let refresh =
                    in_realm(scene, &["kinit", "-k", "-t", keytab, "-c", cache, PRINCIPAL]).output().unwrap();
                assert!(!refresh.status.success(), "the old key is still good");
                // A ticket must be refreshed every second here, and twice that has passed.
                sleep(Duration::from_secs(3));
                scene.set("kerberos.refresh_s", 1);
            })
            .culprit(ID, "warning stale"),
        Fault::new("no job refreshes the ticket", "job missing")
            .with(inject::replaced(CRONTAB, "10 * * * * cd /coursys && python manage.py ping\n"))
            .culprit(ID, "failed no_job"),
        Fault::new("the job that refreshes the ticket is commented out", "job missing")
            .with(changed(CRONTAB, |bytes| [&b"#"[..], &bytes].concat()))
            .culprit(ID, "failed no_job"),
        Fault::new("the site's user has no crontab", "missing file")
            .with(inject::missing(CRONTAB))
            .culprit(ID, "failed no_job"),
        Fault::new("nobody says whose the ticket is", "missing file")
            .with(inject::missing(USERNAME))
            .culprit(ID, "failed not_found"),
        Fault::new("the name of the ticket's owner is two words", "garbage in a file")
            .with(inject::replaced(USERNAME, "who knows\n"))
            .culprit(ID, "failed garbage"),
    ]
}
