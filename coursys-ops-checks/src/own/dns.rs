//! Kind `dns`: a name has the right addresses.

use std::net::IpAddr;
use std::time::Instant;

use coursys_ops_core::Scope;
use coursys_ops_core::config::OwnDns;
use coursys_ops_core::model::{Code, Finding};
use coursys_ops_core::net::NetError;

use super::judge::{Looked, timed};

pub(super) async fn look(scope: &Scope, dns: &OwnDns) -> Looked {
    let started = Instant::now();
    let name = &dns.name;
    let found = match scope.resolve(name).await {
        Ok(found) => found,
        Err(NetError::UnknownHost(..)) if !dns.exists => {
            return Ok(vec![timed(format!("there is no name `{name}`"), started, &dns.latency)]);
        }
        Err(error) => return Err(failed(&error)),
    };
    let list = list(&found);
    if !dns.exists {
        return Err(Finding::failed(
            Code::Unwanted,
            format!("`{name}` has {list} and should not exist"),
            "take the name out of DNS or /etc/hosts, or correct `exists`",
        ));
    }
    let missing: Vec<IpAddr> =
        dns.addresses.iter().filter(|address| !found.contains(address)).copied().collect();
    let strange =
        if dns.exact { found.iter().any(|address| !dns.addresses.contains(address)) } else { false };
    if !missing.is_empty() || strange {
        return Err(Finding::failed(
            Code::WrongAnswer,
            format!("`{name}` has {list}, expected {}", self::list(&dns.addresses)),
            "correct the name in DNS or /etc/hosts, or `addresses` of this check",
        ));
    }
    Ok(vec![timed(format!("`{name}` has {list}"), started, &dns.latency)])
}

fn failed(error: &NetError) -> Finding {
    let hint = match error {
        NetError::UnknownHost(..) => "correct `name`, or put the name into DNS or /etc/hosts",
        NetError::Helper(_) => return Finding::unknown(Code::HelperFailed, error.to_string()),
        _ => "look at /etc/resolv.conf and at the name servers in it",
    };
    Finding::failed(error.code(), error.to_string(), hint)
}

/// The addresses in words, no more of them than helps.
fn list(addresses: &[IpAddr]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = addresses.iter().take(MOST).map(ToString::to_string).collect();
    let more = addresses.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
