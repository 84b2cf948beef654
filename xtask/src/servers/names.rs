//! What things are called on the servers, and their secrets.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

/// Names of users, databases and the like, with the secrets of this set of servers.
#[derive(Clone, Debug)]
pub struct Names {
    /// The site's database.
    pub database: &'static str,
    /// Its account in MariaDB.
    pub database_user: &'static str,
    /// RabbitMQ's virtual host.
    pub vhost: &'static str,
    /// The site's account in RabbitMQ.
    pub broker_user: &'static str,
    /// Django's `KEY_PREFIX`.
    pub key_prefix: &'static str,
    /// Haystack's index.
    pub index: &'static str,
    /// The account on the mail relay.
    pub email_user: &'static str,
    /// Directory of submitted files, below [`super::layout::Layout::files`].
    pub submitted: &'static str,
    /// Directory of collected static files, there too.
    pub media: &'static str,
    /// Directory of database dumps, there too.
    pub dumps: &'static str,
    /// Directory of the site's code, below the directory of this set of servers.
    pub site: &'static str,
    /// One secret for each server.
    pub secrets: Secrets,
}

/// Passwords that show who forgets to quote: each holds `@ / % '`, a space and a letter outside ASCII.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// MariaDB.
    pub database: String,
    /// RabbitMQ.
    pub broker: String,
    /// Elasticsearch 7.
    pub search: String,
    /// The mail relay.
    pub email: String,
    /// The reporting database.
    pub reporting_db: String,
    /// The photo service.
    pub photos: String,
    /// The emplid API.
    pub emplid: String,
    /// Django's `SECRET_KEY`.
    pub django: String,
}

impl Names {
    /// The site's usual names, or with `weird` names that nothing may take for granted.
    pub fn new(weird: bool, secrets: Secrets) -> Self {
        if weird {
            return Self {
                database: "kurse-neu",
                database_user: "web.kurse",
                vhost: "kurse/neu",
                broker_user: "hase",
                key_prefix: "kurse2",
                index: "heuhaufen",
                email_user: "post@kurse.test",
                submitted: "abgegebene Dateien",
                media: "gepackt",
                dumps: "Sicherungen/Datenbank",
                site: "die-site",
                secrets,
            };
        }
        Self {
            database: "coursys",
            database_user: "coursys",
            vhost: "myvhost",
            broker_user: "coursys",
            key_prefix: "",
            index: "haystack",
            email_user: "coursys",
            submitted: "submitted_files",
            media: "static",
            dumps: "db_backup",
            site: "site",
            secrets,
        }
    }
}

impl Secrets {
    /// New secrets. All begin alike and end differently, so that a mix-up of two servers fails.
    ///
    /// # Errors
    /// `/dev/urandom` cannot be read.
    pub fn random() -> Result<Self> {
        let password = |tag: &str| Ok::<_, anyhow::Error>(format!("p@ss/w%rd ü'{tag}{}", random_word(6)?));
        Ok(Self {
            database: password("d")?,
            broker: password("b")?,
            search: password("s")?,
            email: password("e")?,
            reporting_db: password("r")?,
            photos: password("p")?,
            emplid: password("n")?,
            django: random_word(50)?,
        })
    }
}

/// A word of lower-case letters and digits.
///
/// # Errors
/// `/dev/urandom` cannot be read.
pub fn random_word(length: usize) -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let mut bytes = vec![0; length];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .context("failed to read `/dev/urandom`")?;
    Ok(bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte % 32))).map(|&c| char::from(c)).collect())
}

#[cfg(test)]
pub fn sample(weird: bool) -> Names {
    let secret = |tag: &str| format!("p@ss/w%rd ü'{tag}");
    let secrets = Secrets {
        database: secret("d"),
        broker: secret("b"),
        search: secret("s"),
        email: secret("e"),
        reporting_db: secret("r"),
        photos: secret("p"),
        emplid: secret("n"),
        django: "k".into(),
    };
    Names::new(weird, secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_hostile_and_no_two_are_equal() {
        let secrets = Secrets::random().unwrap();
        let Secrets { database, broker, search, email, reporting_db, photos, emplid, django: _ } = &secrets;
        let all = [database, broker, search, email, reporting_db, photos, emplid];
        for (index, secret) in all.iter().enumerate() {
            assert!("@/% ü'".chars().all(|c| secret.contains(c)), "{secret}");
            assert!(!all.iter().skip(index + 1).any(|other| other == secret));
        }
    }

    #[test]
    fn a_random_word_has_the_length_asked_for() {
        assert_eq!(random_word(6).unwrap().len(), 6);
        assert_ne!(random_word(20).unwrap(), random_word(20).unwrap());
    }
}
