//! The statements that bring a database, a table or a column into a collation, and change nothing else.

use crate::probe_row::quote;

/// A text column, as `information_schema.columns` describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its table.
    pub(crate) table: String,
    /// Its name.
    pub(crate) name: String,
    /// Its type with length and values, without the character set: `varchar(60)`.
    pub(crate) column_type: String,
    /// Its collation.
    pub(crate) collation: String,
    /// Whether it takes NULL.
    pub(crate) nullable: bool,
    /// Its default as an expression of SQL: `'x'`, `NULL`; nothing when there is none.
    pub(crate) default: Option<String>,
    /// What else is said of it: `INVISIBLE`, `STORED GENERATED`.
    pub(crate) extra: String,
    /// What it is computed from.
    pub(crate) generation: Option<String>,
    /// Its comment.
    pub(crate) comment: String,
    /// The check that was written with it.
    pub(crate) check: Option<String>,
}

impl Column {
    /// Whether it is as MariaDB keeps JSON: that has a collation of its own.
    pub(crate) fn is_json(&self) -> bool {
        let clause = self.check.as_deref().unwrap_or_default().trim_start().to_ascii_lowercase();
        self.may_be_json() && clause.starts_with("json_valid(")
    }

    /// Whether it looks like JSON, apart from the check.
    pub(crate) fn may_be_json(&self) -> bool {
        self.column_type.eq_ignore_ascii_case("longtext") && self.collation == "utf8mb4_bin"
    }
}

/// A collation and its character set, as the end of a statement.
pub(crate) struct Wanted {
    charset: String,
    collation: String,
}

impl Wanted {
    /// The name of a collation begins with its character set.
    pub(crate) fn new(collation: &str) -> Self {
        let charset = collation.split('_').next().unwrap_or(collation);
        Self { charset: charset.to_owned(), collation: collation.to_owned() }
    }

    fn clause(&self) -> String {
        format!("CHARACTER SET {} COLLATE {}", self.charset, self.collation)
    }

    /// For tables to come. The name is quoted already.
    pub(crate) fn database(&self, quoted: &str) -> String {
        format!("ALTER DATABASE {quoted} {}", self.clause())
    }

    /// A table with all of its columns.
    pub(crate) fn convert(&self, table: &str) -> String {
        format!("ALTER TABLE {} CONVERT TO {}", quote(table), self.clause())
    }

    /// For columns to come.
    pub(crate) fn table_default(&self, table: &str) -> String {
        format!("ALTER TABLE {} DEFAULT {}", quote(table), self.clause())
    }

    /// A column with everything that is said of it: what a `MODIFY` leaves out is gone.
    pub(crate) fn modify(&self, column: &Column) -> String {
        let mut words = vec![
            format!(
                "ALTER TABLE {} MODIFY {} {}",
                quote(&column.table),
                quote(&column.name),
                column.column_type
            ),
            self.clause(),
        ];
        let extra = column.extra.to_ascii_uppercase();
        match column.generation.as_deref().filter(|expression| !expression.is_empty()) {
            Some(expression) => {
                let kept = if extra.contains("STORED") { "STORED" } else { "VIRTUAL" };
                words.push(format!("GENERATED ALWAYS AS ({expression}) {kept}"));
            }
            None => {
                words.push(if column.nullable { "NULL" } else { "NOT NULL" }.to_owned());
                words.extend(column.default.as_ref().map(|default| format!("DEFAULT {default}")));
            }
        }
        if extra.contains("INVISIBLE") {
            words.push("INVISIBLE".to_owned());
        }
        if !column.comment.is_empty() {
            words.push(format!("COMMENT '{}'", column.comment.replace('\\', "\\\\").replace('\'', "''")));
        }
        words.extend(column.check.as_ref().map(|clause| format!("CHECK ({clause})")));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column() -> Column {
        Column {
            table: "gra`des".to_owned(),
            name: "note".to_owned(),
            column_type: "varchar(60)".to_owned(),
            collation: "latin1_swedish_ci".to_owned(),
            ..Column::default()
        }
    }

    fn modify(column: &Column) -> String {
        let statement = Wanted::new("utf8mb4_unicode_ci").modify(column);
        let beginning = "ALTER TABLE `gra``des` MODIFY `note` ";
        let rest = statement.strip_prefix(beginning).unwrap_or_else(|| panic!("{statement}"));
        rest.replace("CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci", "…")
    }

    #[test]
    fn a_column_keeps_everything_but_its_collation() {
        assert_eq!(modify(&column()), "varchar(60) … NOT NULL");
        let nullable = Column { nullable: true, default: Some("NULL".to_owned()), ..column() };
        assert_eq!(modify(&nullable), "varchar(60) … NULL DEFAULT NULL");
        let full = Column {
            column_type: "enum('a','b')".to_owned(),
            default: Some("'a'".to_owned()),
            extra: "INVISIBLE".to_owned(),
            comment: "it's a \\ mark".to_owned(),
            check: Some("`note` <> 'c'".to_owned()),
            ..column()
        };
        assert_eq!(
            modify(&full),
            "enum('a','b') … NOT NULL DEFAULT 'a' INVISIBLE COMMENT 'it''s a \\\\ mark' CHECK (`note` <> 'c')"
        );
        let computed = Column {
            generation: Some("lcase(`x`)".to_owned()),
            extra: "STORED GENERATED".to_owned(),
            nullable: true,
            ..column()
        };
        assert_eq!(modify(&computed), "varchar(60) … GENERATED ALWAYS AS (lcase(`x`)) STORED");
    }

    #[test]
    fn json_is_what_mariadb_checks_to_be_json() {
        let bin =
            Column { column_type: "longtext".to_owned(), collation: "utf8mb4_bin".to_owned(), ..column() };
        let json = Column { check: Some("json_valid(`note`)".to_owned()), ..bin.clone() };
        assert!(json.is_json() && json.may_be_json());
        assert!(!bin.is_json() && bin.may_be_json());
        assert!(!Column { collation: "latin1_bin".to_owned(), ..json.clone() }.is_json());
        assert!(!Column { check: Some("`note` <> ''".to_owned()), ..bin }.is_json());
    }
}
