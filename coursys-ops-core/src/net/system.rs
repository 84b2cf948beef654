//! What errors of the operating system mean for a connection.

use std::io::ErrorKind;

use crate::model::Code;

/// What the operating system's error means.
pub(super) fn code_of(error: &std::io::Error) -> Code {
    match error.kind() {
        ErrorKind::ConnectionRefused => Code::Refused,
        ErrorKind::NotFound => Code::NoSocket,
        ErrorKind::PermissionDenied => Code::AccessDenied,
        ErrorKind::TimedOut => Code::Timeout,
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => Code::ConnectionLost,
        _ => Code::Unreachable,
    }
}

/// Whether this process or the machine has no descriptor left: then nothing is wrong with the network.
pub(super) fn out_of_files(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
