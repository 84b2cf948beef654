//! A row that a table takes, whatever its columns: for a probe that is rolled back.

/// A column of a table, as the server describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The name of its type: `varchar`, `int`.
    pub data_type: String,
    /// How many characters it holds, when it holds text.
    pub length: Option<u64>,
    /// Whether an insert must name it: it has no default and takes no NULL.
    pub required: bool,
    /// Whether it takes negative numbers.
    pub signed: bool,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text that is bound.
    Text(String),
    /// A number that is bound.
    Number(i64),
    /// An expression of the server's own.
    Now(&'static str),
}

/// An insert and how its row is found again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRow {
    /// Columns and their values.
    pub values: Vec<(String, Value)>,
    /// The column that holds the text whose way is looked at.
    pub text: String,
    /// The negative id by which the row is found; without one it is found by its text.
    pub id: Option<i64>,
}

/// Makes a row of a table that holds `text` in its column `name`, else in its first text column with room for it.
///
/// A signed `id` is negative, so that the counter of ids does not move. Nothing when no column has room.
pub fn probe_row(columns: &[Column], text: &str, id: i64) -> Option<ProbeRow> {
    let room = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let has_room = |column: &&Column| column.length.is_some_and(|length| length >= room);
    let fitting = || columns.iter().filter(has_room);
    let target = fitting().find(|column| column.name == "name").or_else(|| fitting().next())?;
    let keyed = columns.iter().find(|column| column.name == "id" && column.signed && is_number(column));
    let value = |column: &Column| {
        if column.name == target.name {
            Some(Value::Text(text.to_owned()))
        } else if keyed.is_some_and(|keyed| keyed.name == column.name) {
            Some(Value::Number(id))
        } else if column.required {
            Some(filler(column, text))
        } else {
            None
        }
    };
    let values = columns.iter().filter_map(|column| Some((column.name.clone(), value(column)?))).collect();
    Some(ProbeRow { values, text: target.name.clone(), id: keyed.map(|_| id) })
}

fn is_number(column: &Column) -> bool {
    ["tinyint", "smallint", "mediumint", "int", "bigint"].contains(&column.data_type.as_str())
}

/// Something that a column takes whose contents do not matter.
fn filler(column: &Column, text: &str) -> Value {
    match column.data_type.as_str() {
        "date" => Value::Now("CURRENT_DATE"),
        "datetime" | "timestamp" | "time" => Value::Now("CURRENT_TIMESTAMP"),
        "year" => Value::Now("YEAR(CURRENT_DATE)"),
        "uuid" => Value::Now("UUID()"),
        // As large as JSON in MariaDB, which has a check that it is JSON.
        "json" | "longtext" => Value::Text("{}".to_owned()),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" => {
            let length = usize::try_from(column.length.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            Value::Text(text.chars().take(length).collect())
        }
        // The first of those that are listed.
        "enum" | "set" => Value::Number(1),
        // Numbers and binaries: zero, or its text.
        _ => Value::Number(0),
    }
}

impl ProbeRow {
    /// The statement, with a `?` for each value that is bound.
    pub fn insert(&self, table: &str) -> String {
        let names: Vec<String> = self.values.iter().map(|(name, _)| quote(name)).collect();
        let values: Vec<&str> = self.values.iter().map(|(_, value)| value.sql()).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", quote(table), names.join(", "), values.join(", "))
    }

    /// The statement that reads the text back as bytes; it binds the id or the text.
    pub fn read(&self, table: &str) -> String {
        let column = quote(&self.text);
        let key = if self.id.is_some() { "`id`" } else { column.as_str() };
        format!("SELECT CAST({column} AS BINARY) FROM {} WHERE {key} = ?", quote(table))
    }
}

impl Value {
    const fn sql(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Number(_) => "?",
            Self::Now(expression) => expression,
        }
    }
}

/// A name as SQL wants it, whatever is in it.
pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, data_type: &str, length: Option<u64>, required: bool) -> Column {
        Column { name: name.to_owned(), data_type: data_type.to_owned(), length, required, signed: true }
    }

    #[test]
    fn the_sites_own_table_gets_a_term_with_a_negative_id() {
        let columns = [
            column("id", "int", None, false),
            column("name", "varchar", Some(4), true),
            column("start", "date", None, true),
            column("end", "date", None, true),
        ];
        let row = probe_row(&columns, "abcd", -7).unwrap();
        assert_eq!(
            row.insert("coredata_semester"),
            "INSERT INTO `coredata_semester` (`id`, `name`, `start`, `end`) VALUES (?, ?, CURRENT_DATE, CURRENT_DATE)"
        );
        assert_eq!(row.read("t"), "SELECT CAST(`name` AS BINARY) FROM `t` WHERE `id` = ?");
        assert_eq!(row.id, Some(-7));
    }

    #[test]
    fn a_table_of_other_columns_gets_a_row_too() {
        let columns = [
            Column { signed: false, ..column("id", "int", None, false) },
            column("short", "char", Some(2), true),
            column("label`", "varchar", Some(32), false),
            column("config", "longtext", Some(4_294_967_295), true),
            column("weight", "decimal", None, true),
        ];
        let row = probe_row(&columns, "abcd", -7).unwrap();
        assert_eq!(
            row.insert("t"),
            "INSERT INTO `t` (`short`, `label```, `config`, `weight`) VALUES (?, ?, ?, ?)"
        );
        assert_eq!(row.values[0].1, Value::Text("ab".to_owned()));
        assert_eq!(row.read("t"), "SELECT CAST(`label``` AS BINARY) FROM `t` WHERE `label``` = ?");
    }

    #[test]
    fn a_table_without_room_for_text_gets_none() {
        assert_eq!(
            probe_row(&[column("id", "int", None, false), column("x", "char", Some(3), true)], "abcd", -1),
            None
        );
    }
}
