use proptest::prelude::*;

use super::*;

#[test]
fn a_photo_is_a_jpeg_of_the_right_person() {
    let jpeg = STANDARD.encode([0xff, 0xd8, 0xff, 0xe0]);
    let body = |id: &str, picture: &str| {
        format!(r#"[{{"SfuId": "1"}}, {{"SfuId": {id}, "PictureIdentification": {picture}}}]"#)
    };
    let read = |body: String| read_photo(body.as_bytes(), "301222726");
    assert_eq!(read(body("\"301222726  \"", &format!("{jpeg:?}"))), Read::Jpeg(4));
    assert_eq!(read(body("301222726", &format!("{jpeg:?}"))), Read::Jpeg(4));
    assert_eq!(read(body("\"301222727\"", &format!("{jpeg:?}"))), Read::Nobody);
    for nothing in ["null", "\"\"", "7"] {
        assert_eq!(read(body("\"301222726\"", nothing)), Read::Nobody, "{nothing}");
    }
    assert_eq!(read(body("\"301222726\"", "\"PGh0bWw+\"")), Read::NoJpeg);
    assert!(matches!(read(body("\"301222726\"", "\"?!\"")), Read::Garbage(_)));
    for garbage in ["", "{}", "<html>", "[", "null"] {
        assert!(matches!(read(garbage.to_owned()), Read::Garbage(_)), "{garbage}");
    }
}

#[test]
fn the_site_has_a_password_or_it_is_said_that_it_has_none() {
    assert_eq!(stored(br#"{"photopass": "p@ss"}"#).unwrap().expose(), "p@ss");
    let code = |settings: &[u8]| stored(settings).unwrap_err().code;
    for none in [&b""[..], b" ", b"{}", br#"{"photopass": ""}"#, br#"{"photopass": 7}"#, b"[]"] {
        assert_eq!(code(none), Code::NotConfigured, "{}", none.escape_ascii());
    }
    assert_eq!(code(b"{"), Code::Garbage);
}

#[test]
fn a_token_is_a_text() {
    assert_eq!(read_token(br#"{"ServiceToken": "abc"}"#), Ok("abc".to_owned()));
    for body in [&b"{}"[..], b"[]", b"", br#"{"ServiceToken": ""}"#, br#"{"ServiceToken": 1}"#, b"\xff"] {
        assert!(read_token(body).is_err(), "{}", body.escape_ascii());
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".*") {
        let _ = read_token(&bytes);
        let _ = read_photo(&bytes, "7");
        let _ = stored(&bytes);
        let _ = read_photo(format!(r#"[{{"SfuId": "7", "PictureIdentification": {text:?}}}]"#).as_bytes(), "7");
    }

    #[test]
    fn every_jpeg_comes_through(rest in prop::collection::vec(any::<u8>(), 0..100), number in "[0-9]{1,9}") {
        let jpeg = STANDARD.encode([&JPEG[..], &rest].concat());
        let body = format!(r#"[{{"SfuId": "{number}", "PictureIdentification": "{jpeg}"}}]"#);
        prop_assert_eq!(read_photo(body.as_bytes(), &number), Read::Jpeg(rest.len() + 3));
    }
}
