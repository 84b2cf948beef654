//! Between the program and a real server: answers that come late, in pieces, or not to their end.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What happens to a server's answers.
#[derive(Debug, Clone, Copy)]
pub enum Mischief {
    /// After so many bytes the connection is reset.
    ResetAfter(usize),
    /// After so many bytes it ends as if that were all.
    CutAfter(usize),
    /// After so many bytes nothing more comes.
    StallAfter(usize),
    /// One byte a second.
    Drip,
    /// Each piece comes this much later.
    Late(Duration),
    /// The eighth bit of every byte is lost.
    SevenBits,
    /// As a pool of connections that believes that all the world is latin1: whoever asks for utf8mb4 gets that.
    Latin1,
}

/// A proxy on a free port of loopback.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
}

impl Proxy {
    /// Starts one before this server; it lasts as long as the test program.
    ///
    /// # Panics
    /// No port is free.
    #[must_use]
    pub fn new(server: SocketAddr, mischief: Mischief) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                thread::spawn(move || {
                    let Ok(server) = TcpStream::connect(server) else { return };
                    let (mut asks, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                    thread::spawn(move || {
                        ask(&mut asks, &mut asked, mischief);
                        let _ = asked.shutdown(Shutdown::Write);
                    });
                    answer(server, client, mischief);
                });
            }
        });
        Self { port }
    }
}

/// Hands on what the client asks.
fn ask(client: &mut TcpStream, server: &mut TcpStream, mischief: Mischief) {
    const WANTED: &[u8] = b"utf8mb4 COLLATE utf8mb4_unicode_ci";
    // As long, so that the length before it stays right.
    const GIVEN: &[u8] = b"latin1 COLLATE latin1_swedish_ci  ";
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let piece = &mut buffer[..count];
        if matches!(mischief, Mischief::Latin1)
            && let Some(at) = piece.windows(WANTED.len()).position(|window| window == WANTED)
        {
            piece[at..at + GIVEN.len()].copy_from_slice(GIVEN);
        }
        if server.write_all(piece).is_err() {
            break;
        }
    }
}

/// Hands on what the server says, until it or the mischief ends it.
fn answer(mut server: TcpStream, mut client: TcpStream, mischief: Mischief) {
    let (mut buffer, mut seen) = ([0; 16 << 10], 0);
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        let piece = &mut buffer[..count];
        let place = seen;
        seen += count;
        let handed_on = match mischief {
            Mischief::ResetAfter(most) | Mischief::CutAfter(most) | Mischief::StallAfter(most)
                if seen > most =>
            {
                let _ = client.write_all(&piece[..most.saturating_sub(place)]);
                break;
            }
            Mischief::Drip => piece.iter().try_for_each(|byte| {
                thread::sleep(Duration::from_secs(1));
                client.write_all(&[*byte])
            }),
            Mischief::Late(delay) => {
                thread::sleep(delay);
                client.write_all(piece)
            }
            Mischief::SevenBits => {
                piece.iter_mut().for_each(|byte| *byte &= 0x7f);
                client.write_all(piece)
            }
            _ => client.write_all(piece),
        };
        if handed_on.is_err() {
            break;
        }
    }
    match mischief {
        Mischief::ResetAfter(_) => {
            // Long enough for the client to have read what came before: a reset throws away what waits.
            thread::sleep(Duration::from_millis(200));
            let _ = set_socket_linger(&client, Some(Duration::ZERO));
            // Whoever reads the questions lets go of the connection, and then it is closed with a reset.
            let _ = client.shutdown(Shutdown::Read);
            thread::sleep(Duration::from_millis(50));
        }
        Mischief::StallAfter(_) => thread::sleep(Duration::from_secs(60)),
        _ => {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}
