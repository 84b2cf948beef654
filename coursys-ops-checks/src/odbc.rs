//! A query through ODBC. The drivers are C libraries that block and may crash, so it is made in a process of its own: the
//! helper's, which is asked by [`NAME`] and reads the request from its standard input, because it holds a password.

use serde::{Deserialize, Serialize};

/// The helper's request by this name.
#[cfg(any(feature = "odbc", test))]
pub(crate) const NAME: &str = "odbc";

/// What to ask whom.
#[derive(Serialize, Deserialize)]
pub(crate) struct Query {
    /// The connection string, which may hold a password.
    pub(crate) connection: String,
    /// The statement.
    pub(crate) statement: String,
    /// How long logging in may take, in seconds.
    pub(crate) login_s: u32,
    /// How long the statement may take, in seconds.
    pub(crate) statement_s: usize,
}

/// The first value of the first row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum First {
    /// There is no row.
    NoRow,
    /// It is NULL.
    Null,
    /// As text.
    Text(String),
}

/// What a driver or the driver manager complains about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Complaint {
    /// Five characters of SQLSTATE; empty when nobody said any.
    pub(crate) state: String,
    /// The server's own number.
    pub(crate) native: i32,
    /// For people.
    pub(crate) message: String,
}

/// The connection string of these parts, each in braces, in which only a closing brace is special. It ends with a semicolon:
/// some drivers pass over what does not.
pub(crate) fn connection_string<'a>(parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let braced = |(name, value): (&str, &str)| format!("{name}={{{}}};", value.replace('}', "}}"));
    parts.into_iter().map(braced).collect()
}

#[cfg(feature = "odbc")]
pub(crate) use made::serve;

/// What happens in the process of its own.
#[cfg(feature = "odbc")]
mod made {
    use std::io::Read as _;

    use odbc_api::handles::Record;
    use odbc_api::{ConnectionOptions, Cursor as _, Environment, Error};

    use super::{Complaint, First, Query};

    /// No request is longer, in bytes.
    const LONGEST: u64 = 1 << 20;

    /// The driver knows no time-outs of statements.
    const NOT_IMPLEMENTED: &str = "HYC00";

    /// Reads a request from standard input and answers it.
    pub(crate) fn serve() -> Result<String, String> {
        let mut request = Vec::new();
        std::io::stdin().take(LONGEST).read_to_end(&mut request).map_err(|error| error.to_string())?;
        // The error of the reader could quote the request.
        let query: Query =
            serde_json::from_slice(&request).map_err(|_| "the request makes no sense".to_owned())?;
        serde_json::to_string(&ask(&query)).map_err(|error| error.to_string())
    }

    fn ask(query: &Query) -> Result<First, Complaint> {
        let environment = Environment::new().map_err(complaint)?;
        let options = ConnectionOptions { login_timeout_sec: Some(query.login_s), ..Default::default() };
        let connection =
            environment.connect_with_connection_string(&query.connection, options).map_err(complaint)?;
        let execute = |limit| connection.execute(&query.statement, (), limit).map_err(complaint);
        let cursor = match execute(Some(query.statement_s)) {
            Err(no) if no.state == NOT_IMPLEMENTED => execute(None)?,
            other => other?,
        };
        let Some(mut cursor) = cursor else { return Ok(First::NoRow) };
        let Some(mut row) = cursor.next_row().map_err(complaint)? else { return Ok(First::NoRow) };
        // UTF-16, as the site's own pyodbc asks for it: every driver makes the same of it.
        let mut text = Vec::new();
        let is_there = row.get_wide_text(1, &mut text).map_err(complaint)?;
        Ok(if is_there { First::Text(String::from_utf16_lossy(&text)) } else { First::Null })
    }

    #[allow(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
    fn complaint(error: Error) -> Complaint {
        match &error {
            Error::Diagnostics { record, .. }
            | Error::UnsupportedOdbcApiVersion(record)
            | Error::InvalidRowArraySize { record, .. }
            | Error::UnableToRepresentNull(record) => of_record(record),
            other => Complaint { state: String::new(), native: 0, message: other.to_string() },
        }
    }

    fn of_record(record: &Record) -> Complaint {
        Complaint {
            state: record.state.as_str().to_owned(),
            native: record.native_error,
            message: String::from_utf8_lossy(&record.message).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_of_any_characters_stays_one_value() {
        let string = connection_string([("DRIVER", "FreeTDS"), ("PWD", "p}w;d=@ü'")]);
        assert_eq!(string, "DRIVER={FreeTDS};PWD={p}}w;d=@ü'};");
        assert_eq!(connection_string([]), "");
    }
}
