//! The one place where errors become Python's exceptions, whose classes are written in Python.

use coursys_ops_core::config::ConfigErrors;
use pyo3::prelude::*;
use pyo3::types::PyList;

/// Why a call raises.
#[derive(Debug)]
pub enum Error {
    /// The configuration is wrong, or refused: `coursys_ops.ConfigError`.
    Config(ConfigErrors),
    /// What was asked for makes no sense: `coursys_ops.UsageError`.
    Usage(String),
    /// It could not be done for a reason of its own: `coursys_ops.Error`.
    Other(String),
    /// Python's own code raised.
    Python(PyErr),
}

impl Error {
    /// What was asked for makes no sense.
    pub fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }

    /// It could not be done.
    pub fn other(error: impl ToString) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<ConfigErrors> for Error {
    fn from(errors: ConfigErrors) -> Self {
        Self::Config(errors)
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        Python::attach(|py| raised(py, error).unwrap_or_else(|error| error))
    }
}

/// The exception; the error is that its class cannot be had.
fn raised(py: Python<'_>, error: Error) -> PyResult<PyErr> {
    let errors = py.import("coursys_ops._errors")?;
    let exception = match error {
        Error::Config(found) => {
            let problems = found.problems.iter().map(ToString::to_string);
            let problems = PyList::new(py, problems.collect::<Vec<_>>())?;
            errors.getattr("ConfigError")?.call1((problems, found.refused))?
        }
        Error::Usage(message) => errors.getattr("UsageError")?.call1((message,))?,
        Error::Other(message) => errors.getattr("Error")?.call1((message,))?,
        Error::Python(error) => return Ok(error),
    };
    Ok(PyErr::from_value(exception))
}
