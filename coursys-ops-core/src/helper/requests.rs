//! Which connections a server has taken, or is about to take: requests that run, as the kernel sees them. In the helper,
//! because telling whose a socket is means to look into every process.

use procfs::net::TcpState;
use procfs::process::Process;
use serde::{Deserialize, Serialize};

use super::listeners::{owners, tables};

/// A connection to a server that is not over for the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Where it comes from.
    pub from: std::net::SocketAddr,
    /// Who has it: program and process; nothing while it waits to be taken, or where that cannot be seen.
    pub process: Option<(String, i32)>,
    /// Whether the other side is gone; what the server does for it goes on all the same.
    pub is_deserted: bool,
}

/// The connections to a port: of this network, or of that of a process.
///
/// # Errors
///
/// The kernel does not show its tables, or there is no such process.
pub(super) fn taken(port: u16, of: Option<i32>) -> std::io::Result<Vec<Taken>> {
    let entries = match of {
        None => tables(procfs::net::tcp(), procfs::net::tcp6())?,
        Some(pid) => {
            let process = Process::new(pid).map_err(std::io::Error::other)?;
            tables(process.tcp(), process.tcp6())?
        }
    };
    let runs = |state: &TcpState| matches!(state, TcpState::Established | TcpState::CloseWait);
    let found: Vec<_> =
        entries.into_iter().filter(|one| one.local_address.port() == port && runs(&one.state)).collect();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let owners = owners();
    let one = |entry: procfs::net::TcpNetEntry| Taken {
        from: entry.remote_address,
        process: owners.get(&entry.inode).filter(|_| entry.inode != 0).cloned(),
        is_deserted: entry.state == TcpState::CloseWait,
    };
    Ok(found.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_request_runs_from_its_connection_to_the_servers_goodbye_whatever_the_client_does() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        assert_eq!(taken(port, None).unwrap(), []);
        let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        let waits = taken(port, None).unwrap();
        assert_eq!((waits.len(), waits[0].process.clone(), waits[0].is_deserted), (1, None, false));
        let (taken_one, _) = server.accept().unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(taken(port, Some(own)).unwrap()[0].process.as_ref().unwrap().1, own);
        drop(client);
        std::thread::sleep(std::time::Duration::from_millis(50));
        let left = taken(port, None).unwrap();
        assert_eq!((left.len(), left[0].is_deserted), (1, true));
        drop(taken_one);
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(taken(port, None).unwrap(), []);
    }
}
