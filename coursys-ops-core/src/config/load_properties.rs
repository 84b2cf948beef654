use super::*;

/// Lines that look like a configuration, more or less.
fn lines() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let name = prop_oneof![
        Just("database".to_owned()),
        Just("components".to_owned()),
        Just("check".to_owned()),
        Just("host".to_owned()),
        Just("password".to_owned()),
        "[a-z_\"'.]{0,6}",
    ];
    let value = prop_oneof![
        Just("\"x\"".to_owned()),
        Just("true".to_owned()),
        Just("[\"a\", 1]".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("-9223372036854775809".to_owned()),
        Just("1e999".to_owned()),
        Just("nan".to_owned()),
        "\\PC{0,8}",
    ];
    let line = prop_oneof![
        name.clone().prop_map(|name| format!("[{name}]")),
        name.clone().prop_map(|name| format!("[[{name}]]")),
        (name.clone(), value.clone()).prop_map(|(name, value)| format!("{name} = {value}")),
        (name.clone(), name, value).prop_map(|(a, b, value)| format!("{a}.{b} = {value}")),
        "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_the_loader_fail_and_every_error_has_a_line_of_the_file(text in lines()) {
        if let Err(errors) = load(&file(&text)) {
            let last = text.lines().count() + 1;
            for problem in errors.problems {
                let line = match problem.origin {
                    Origin::File { line, .. } => line,
                    other => panic!("{other}"),
                };
                proptest::prop_assert!((1..=last).contains(&line), "{} of {}", line, last);
            }
        }
    }

    #[test]
    fn no_variable_and_no_argument_makes_the_loader_fail(
        name in "[A-Z_]{0,20}", argument in "[a-z._]{0,12}=?\\PC{0,12}", value in "\\PC{0,12}",
    ) {
        let environment = variables(&[(&format!("COURSYS_OPS_{name}"), &value)]);
        let _ = load(&Sources { environment, set: vec![argument], ..Sources::default() });
    }

    #[test]
    fn any_text_survives_a_file_a_variable_and_an_argument(text in "[^\\x00]{1,20}") {
        let quoted = toml::Value::from(text.as_str()).to_string();
        let mut sources = file(&format!("[broker]\nvhost = {quoted}\n[database]\npassword = {quoted}\n"));
        sources.environment = variables(&[("COURSYS_OPS_SEARCH__QUERY", &text)]);
        sources.set = vec![format!("cache.key_prefix={text}")];
        let config = load(&sources).unwrap().config;
        for found in
            [&config.broker.vhost, password(&config.database.server.secret), &config.search.query, &config.cache.key_prefix]
        {
            proptest::prop_assert_eq!(found, &text);
        }
    }
}
