//! Ticket caches and keytabs as tests want them, written after MIT's description of the formats.

use super::Principal;

/// A name: `name@REALM`, `service/host@REALM`.
pub(crate) fn principal(text: &str) -> Principal {
    let (name, realm) = text.split_once('@').unwrap();
    Principal { components: name.split('/').map(ToOwned::to_owned).collect(), realm: realm.to_owned() }
}

/// A ticket to be written: client, server, and the four times.
pub(crate) type Ticket<'a> = (&'a str, &'a str, [u32; 4]);

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn short(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn name(text: &str) -> Vec<u8> {
    let Principal { components, realm } = principal(text);
    let count = u32::try_from(components.len()).unwrap();
    let mut bytes = [1_u32.to_be_bytes(), count.to_be_bytes()].concat();
    bytes.extend(long(realm.as_bytes()));
    bytes.extend(components.iter().flat_map(|component| long(component.as_bytes())));
    bytes
}

/// A ticket cache of version 3 or 4.
pub(crate) fn ccache(version: u8, holder: &str, tickets: &[Ticket<'_>]) -> Vec<u8> {
    let mut bytes = vec![5, version];
    if version == 4 {
        // One tag, of eight bytes: the offset of the clock.
        bytes.extend([0, 12, 0, 1, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    }
    bytes.extend(name(holder));
    for (client, server, times) in tickets {
        bytes.extend(name(client));
        bytes.extend(name(server));
        bytes.extend([0, 18]);
        if version == 3 {
            bytes.extend([0, 18]);
        }
        bytes.extend(long(&[0xaa; 32]));
        bytes.extend(times.iter().flat_map(|time| time.to_be_bytes()));
        // No second key; flags; one address; no authorisation data; the ticket and no second one.
        bytes.extend([0, 0x40, 0xe1, 0, 0]);
        bytes.extend([0, 0, 0, 1, 0, 2]);
        bytes.extend(long(&[127, 0, 0, 1]));
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(long(b"ticket"));
        bytes.extend(long(b""));
    }
    bytes
}

/// A key to be written: whose, its version, its kind.
pub(crate) type Key<'a> = (&'a str, u32, u16);

/// A keytab of version 2; a version of a key beyond 255 is written in full.
pub(crate) fn keytab(keys: &[Key<'_>]) -> Vec<u8> {
    let mut bytes = vec![5, 2];
    for (owner, version, kind) in keys {
        let Principal { components, realm } = principal(owner);
        let mut entry = u16::try_from(components.len()).unwrap().to_be_bytes().to_vec();
        entry.extend(short(realm.as_bytes()));
        entry.extend(components.iter().flat_map(|component| short(component.as_bytes())));
        entry.extend([0, 0, 0, 1, 0x65, 0, 0, 0, u8::try_from(version % 256).unwrap()]);
        entry.extend(kind.to_be_bytes());
        entry.extend(short(&[0xaa; 32]));
        if *version > 255 {
            entry.extend(version.to_be_bytes());
        }
        bytes.extend(long(&entry));
    }
    bytes
}
