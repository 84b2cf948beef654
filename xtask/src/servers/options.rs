//! The arguments of `servers up`.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Which set of servers is meant; several can be up at once.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The name of this set of servers: letters, digits, `_` and `-`.
    #[arg(long, default_value = "default", value_parser = parse_name)]
    name: String,
}

impl Name {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// What `servers up` starts, and how.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Up {
    #[command(flatten)]
    pub name: Name,
    /// The version of Elasticsearch: 5 is 5.6.16 without a password, 7 is 7.17.28 with the user `elastic`.
    #[arg(long, value_enum)]
    search: Option<Search>,
    /// Require TLS with an own CA on MariaDB, RabbitMQ, Elasticsearch (then version 7) and SMTP.
    #[arg(long)]
    pub tls: bool,
    /// Let the servers listen on `::1` instead of `127.0.0.1`.
    #[arg(long)]
    pub ipv6: bool,
    /// Reach MariaDB and memcached through Unix sockets.
    #[arg(long)]
    pub sockets: bool,
    /// Use other names than the usual ones: users, database, vhost, index, key prefix, directories.
    #[arg(long)]
    pub weird: bool,
    /// Start the servers alone, without the fixture site; the index gets one document, the database stays empty.
    #[arg(long)]
    pub no_site: bool,
}

/// A version of Elasticsearch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Search {
    /// 5.6.16, as in layout `vm`.
    #[value(name = "5")]
    Five,
    /// 7.17.28, as in layout `compose`.
    #[value(name = "7")]
    Seven,
}

impl Up {
    /// A set of this name without any option.
    pub fn plain(name: &str) -> Self {
        Self {
            name: Name { name: name.to_owned() },
            search: None,
            tls: false,
            ipv6: false,
            sockets: false,
            weird: false,
            no_site: false,
        }
    }

    /// The version of Elasticsearch that these options ask for.
    ///
    /// # Errors
    /// 5.6.16 together with TLS: it has no security module.
    pub fn search(&self) -> anyhow::Result<Search> {
        match self.search {
            Some(Search::Five) if self.tls => {
                anyhow::bail!("`--search 5` cannot have `--tls`: Elasticsearch 5.6.16 has no security module")
            }
            Some(search) => Ok(search),
            None if self.tls => Ok(Search::Seven),
            None => Ok(Search::Five),
        }
    }
}

/// Names become part of a directory's name, so they are short and harmless.
pub fn parse_name(text: &str) -> Result<String, String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if text.is_empty() || text.len() > 32 {
        return Err("expected 1 to 32 characters".into());
    }
    if text.starts_with('-') || !text.chars().all(harmless) {
        return Err("expected letters, digits, `_` and `-`".into());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
pub fn up(arguments: &[&str]) -> Up {
    #[derive(clap::Parser)]
    struct Parser {
        #[command(flatten)]
        up: Up,
    }
    let arguments = std::iter::once("up").chain(arguments.iter().copied());
    <Parser as clap::Parser>::parse_from(arguments).up
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_directory() {
        for bad in ["", "../x", "a/b", "a b", "-x", "ü", &"x".repeat(33)] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_name("ci-2_a").unwrap(), "ci-2_a");
    }

    #[test]
    fn tls_implies_the_elasticsearch_that_can_do_it() {
        assert_eq!(up(&[]).search().unwrap(), Search::Five);
        assert_eq!(up(&["--search", "7"]).search().unwrap(), Search::Seven);
        assert_eq!(up(&["--tls"]).search().unwrap(), Search::Seven);
        assert!(up(&["--tls", "--search", "5"]).search().is_err());
    }
}
