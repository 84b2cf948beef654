//! Servers that answer with a line: memcached, SMTP.

use anyhow::{Result, ensure};

use super::wire::Wire;

/// Sends a line (nothing if it is empty) and compares how the answer begins.
///
/// # Errors
/// No connection, or another answer.
pub fn greets(wire: &Wire, send: &str, expect: &str) -> Result<()> {
    let mut stream = wire.connect()?;
    stream.write_all(send.as_bytes())?;
    let mut answer = vec![0; expect.len()];
    stream.read_exact(&mut answer)?;
    ensure!(answer == expect.as_bytes(), "expected `{expect}`, got `{}`", String::from_utf8_lossy(&answer));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn server(answer: &'static str) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = [0; 4];
            stream.read_exact(&mut line).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        Wire::Plain(address)
    }

    #[test]
    fn only_the_expected_words_are_an_answer() {
        assert!(greets(&server("VERSION 1.6.18\r\n"), "ask\n", "VERSION ").is_ok());
        assert!(greets(&server("ERROR\r\n"), "ask\n", "VERSION ").is_err());
        assert!(greets(&server("VERS"), "ask\n", "VERSION ").is_err(), "an answer that breaks off");
    }
}
