//! Hashes that Django 5.2, passlib 1.7, `mkpasswd` and bcrypt 5 have made of one password.

use proptest::prelude::*;

use super::*;

const PASSWORD: &str = "grüner Apfel";

/// The format in reports, and the hash.
const HASHES: [(&str, &str); 23] = [
    ("PBKDF2", "pbkdf2_sha256$1000000$uFnCjPBzzM30F17eX53SfF$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE="),
    ("PBKDF2", "pbkdf2_sha1$1000000$9G5KmVDrFSsj16AV0fv832$ARL3ygvkPNEYhqdf1laNdZgTnrY="),
    ("bcrypt", "bcrypt_sha256$$2b$12$IFqz48.8vjK64H.Yhbnlge7OSg/CzzrokqqhKQrV15hudPtt.8kcm"),
    ("bcrypt", "bcrypt$$2b$12$QQqr.CYZsg9AWuHBH/cPl.7xHr5w.gxYRgz0bT6/b52FVkCL47gY6"),
    (
        "scrypt",
        "scrypt$16384$3q9RWEUBefhunkjGgR6xyj$8$5$VK66E4EdYH/xM08trWXwMjU1IRYbTD04PrCXTYIM/baa4mR7T97Jl1VoZq3IFNtVcuHO4/GSfm5+xv7Weg/pwg==",
    ),
    ("weak digest", "md5$tN2UXYR8Cli6Qoddr73ZsG$1672c2cb5d9404d2b4d8371d08651286"),
    ("PBKDF2", "$pbkdf2$131000$OefcW4uxVopxrtW6t/beGw$dmpXwbjjaqZ4yvOGWzfzOKlMAhQ"),
    ("PBKDF2", "$pbkdf2-sha256$29000$gPD.nzOmtJbS2lsLgfC.Nw$QtZ932XlJKYADkZmDxmsCrw68sitxG4PebDDfuuM/4A"),
    (
        "PBKDF2",
        "$pbkdf2-sha512$25000$fA.BkJKy9p4TIiREaK21Vg$2yDW8ySLZGCZi67XJ6JTOmHTkesYoDRyYqpGV2LZMyv3fy7ZXIaJmCGdN3iK3fWR45/1cKQZnHKxxRGtyfe20g",
    ),
    ("PBKDF2", "{PBKDF2-SHA256}29000$YoyR8h5jjBFCCAEA4LwXog$i83FIT8pazmthCtXT2lPe7kYS.Fxq5Zg4eLcCQS5RmQ"),
    ("scrypt", "$scrypt$ln=16,r=8,p=1$bS2F8P4fYwyBEML4n7O21g$Cb5zXswSCzXgJYlVkCs6puh7HLFNIRb+2l8TqjTndNM"),
    ("scrypt", "$7$CU..../....vEZ1SLuu8fjv8D2clVH8B1$rI/IyyKqSThGVJsGUjtb/iCMPyWyuiYR0S4bfxbRtkC"),
    ("SHA-crypt", "$5$Hd0Ar9dIWfp6/MIT$3Ew7StXPQvGO9iJb/vOw7f08WZJ5IRHs/eGDETNS6i5"),
    (
        "SHA-crypt",
        "{CRYPT}$6$rounds=656000$fFrPIeLMq8tdH8LN$LA9NLM4rQba7S.CyWhD3.jTn0kx77csnAyBj3a7MXXzAu4eNRExiNAzjTrf8sS3i/58nUoCd7FZyX65Vt99.s.",
    ),
    ("yescrypt", "$y$j9T$kN0oIB9wuoaUdK90mnv/N1$knHUxieD9DBSEtWTC8fSQxfqKExa1y8xpI.SxDz8ym8"),
    ("MD5-crypt", "$1$qa1.Kq3F$N15IucjaA/153zM4TEg2K0"),
    ("MD5-crypt", "$apr1$MOe0UJzC$6RDUai.ITQltJgkctVUTN0"),
    ("bcrypt", "$2a$05$7hNFfvoG5Wedh..xlMtyrO7N3lem0rJM8KIercfBreFIBZ2aVMhh6"),
    ("bcrypt", "$bcrypt-sha256$v=2,t=2b,r=6$beSov708HqQFdPlMw8djru$sOT.hxNOSvLhXV1FzXqaRHCSIMqR3UK"),
    ("salted digest", "{SSHA}Ew8osdpZ2HxzNfejROZsubZKksB/j1FK"),
    ("salted digest", "{ssha256}l+fMKLWqmjIndhiJ/NqmZ7VrPBaEbYFs8CKFQYEY9vlWaq31vjemVA=="),
    (
        "salted digest",
        "{SSHA512}GPIJf5N7kELjvTPbJlWAA0w9ZIx/tIZL++k5azdpOVwFOFEX5vCMZimOj25PPY7JFpFL4kLPfZkpxt60hwaj2frfG8NYaw0B",
    ),
    ("weak digest", "{SHA}WZWvVeifKjj/PQFxAkA2ADwIUVo="),
];

fn imported(text: &str) -> ImportedHash {
    match read(text) {
        Ok(Readable::Other(hash)) => hash,
        Ok(Readable::Argon2(_)) => panic!("argon2: {text}"),
        Err(error) => panic!("{error}: {text}"),
    }
}

#[test]
fn hashes_of_other_programs_fit_their_password_alone() {
    for (scheme, text) in HASHES {
        let hash = imported(text);
        assert_eq!(hash.scheme(), scheme, "{text}");
        assert!(hash.fits(PASSWORD.as_bytes()), "{text}");
        for wrong in ["", "grüner apfel", "grüner Apfel ", "gruner Apfel", "grüner Apfel\0"] {
            assert!(!hash.fits(wrong.as_bytes()), "{wrong:?} {text}");
        }
    }
}

#[test]
fn argon2_hashes_of_other_programs_are_taken_as_they_are() {
    for (text, phc) in [
        (
            "argon2$argon2id$v=19$m=102400,t=2,p=8$RDNDZnJOZmIzTU1iM0E2dlZjdzBhSw$a9+yiGp8lLhf8reN+QDQLo5vEE0PQ0DH3sKHeEQiZBw",
            "$argon2id$v=19$m=102400,t=2,p=8$RDNDZnJOZmIzTU1iM0E2dlZjdzBhSw$a9+yiGp8lLhf8reN+QDQLo5vEE0PQ0DH3sKHeEQiZBw",
        ),
        (
            "{ARGON2}$argon2id$v=19$m=65536,t=3,p=4$nPP+H8NYK6W0NuZ8jzEGAA$ZYZ7XbZXXyZrdUDlf4Iwnsr7U+pykEifLN62adRRX7Y",
            "$argon2id$v=19$m=65536,t=3,p=4$nPP+H8NYK6W0NuZ8jzEGAA$ZYZ7XbZXXyZrdUDlf4Iwnsr7U+pykEifLN62adRRX7Y",
        ),
    ] {
        assert!(matches!(read(text), Ok(Readable::Argon2(found)) if found == phc), "{text}");
    }
}

#[test]
fn weak_hashes_are_those_that_are_found_quickly() {
    let weak: Vec<bool> = HASHES.iter().map(|(_, text)| imported(text).is_weak()).collect();
    let named: Vec<bool> = HASHES.iter().map(|(scheme, _)| *scheme == "weak digest").collect();
    assert_eq!(weak, named);
    for text in ["{MD5}Gkinc9Rpo/MUhWkejOBICg==", "{SMD5}RWwfKU0mBtIU8qiCd7RVF2FMyfk="] {
        assert!(imported(text).is_weak() && imported(text).fits(PASSWORD.as_bytes()), "{text}");
    }
}

#[test]
fn a_hash_that_costs_too_much_is_refused_before_it_is_computed() {
    for text in [
        "pbkdf2_sha256$4294967295$salt$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE=",
        "pbkdf2_sha256$10000001$salt$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE=",
        // The output of three blocks costs three times as much.
        "pbkdf2_sha1$4000000$salt$uFnCjPBzzM30F17eX53SfFuFnCjPBzzM30F17eX53SfFuFnCjPBzzM30F17eX53SfF00",
        "bcrypt$$2b$31$QQqr.CYZsg9AWuHBH/cPl.7xHr5w.gxYRgz0bT6/b52FVkCL47gY6",
        "$2y$15$QQqr.CYZsg9AWuHBH/cPl.7xHr5w.gxYRgz0bT6/b52FVkCL47gY6",
        "$bcrypt-sha256$v=2,t=2b,r=20$beSov708HqQFdPlMw8djru$sOT.hxNOSvLhXV1FzXqaRHCSIMqR3UK",
        "scrypt$1048576$salt$8$1$VK66E4EdYH/xM08trWXwMjU1IRYbTD04PrCXTYIM/baa4mR7T97Jl1VoZq3IFNtVcuHO4/GSfm5+xv7Weg/pwg==",
        "scrypt$16384$salt$8$4000000000$VK66E4EdYH/xM08trWXwMjU1IRYbTD04PrCXTYIM/baa4mR7T97Jl1VoZq3IFNtVcuHO4/GSfm5+xv7Weg/pwg==",
        "scrypt$2$salt$8388608$4$VK66E4EdYH/xM08trWXwMjU1IRYbTD04PrCXTYIM/baa4mR7T97Jl1VoZq3IFNtVcuHO4/GSfm5+xv7Weg/pwg==",
        "$scrypt$ln=63,r=8,p=1$bS2F8P4fYwyBEML4n7O21g$Cb5zXswSCzXgJYlVkCs6puh7HLFNIRb+2l8TqjTndNM",
        "$7$DU..../....vEZ1SLuu8fjv8D2clVH8B1$rI/IyyKqSThGVJsGUjtb/iCMPyWyuiYR0S4bfxbRtkC",
        "$5$rounds=999999999$Hd0Ar9dIWfp6/MIT$3Ew7StXPQvGO9iJb/vOw7f08WZJ5IRHs/eGDETNS6i5",
        "$y$jFT$kN0oIB9wuoaUdK90mnv/N1$knHUxieD9DBSEtWTC8fSQxfqKExa1y8xpI.SxDz8ym8",
        "$argon2id$v=19$m=1048576,t=3,p=4$nPP+H8NYK6W0NuZ8jzEGAA$ZYZ7XbZXXyZrdUDlf4Iwnsr7U+pykEifLN62adRRX7Y",
        "argon2$argon2id$v=19$m=65536,t=900,p=4$nPP+H8NYK6W0NuZ8jzEGAA$ZYZ7XbZXXyZrdUDlf4Iwnsr7U+pykEifLN62adRRX7Y",
    ] {
        let refused = read(text).err();
        assert!(matches!(refused, Some(UnusableHash::TooCostly { .. })), "{refused:?}: {text}");
    }
}

#[test]
fn a_text_that_is_no_hash_is_refused_by_its_format() {
    let malformed = UnusableHash::Malformed;
    for (text, refused) in [
        ("", UnusableHash::Blank),
        ("{CRYPT}", UnusableHash::Blank),
        ("!", UnusableHash::Locked),
        ("!yzHZTZgYkDvCgY6TjM0dpMIvSDsGkC2dS6bDbU6V", UnusableHash::Locked),
        ("!$6$xne05vgocHW2wLOg$rOqNMY7T", UnusableHash::Locked),
        ("*", UnusableHash::Locked),
        ("x", UnusableHash::Locked),
        ("{CRYPT}!!", UnusableHash::Locked),
        ("lXtAXt.tJtKqk", UnusableHash::DesCrypt),
        ("{CRYPT}lXtAXt.tJtKqk", UnusableHash::DesCrypt),
        ("crypt$$ab1Hv2Lg7ltQo", UnusableHash::DesCrypt),
        ("velvet turbine oyster", UnusableHash::Unknown),
        ("{CLEARTEXT}secret", UnusableHash::Unknown),
        ("$6$", malformed("SHA-crypt")),
        ("$6$rounds=10$salt$short", malformed("SHA-crypt")),
        ("$6$rounds=x$salt$short", malformed("SHA-crypt")),
        ("$gy$j9T$sBv$LRj", UnusableHash::Unsupported("$gy$ (GOST yescrypt)")),
        ("$2x$05$7hNFfvoG5Wedh..xlMtyrO7N3lem0rJM8KIercfBreFIBZ2aVMhh6", UnusableHash::Unsupported("$2x$")),
        ("$2b$99$7hNFfvoG5Wedh..xlMtyrO7N3lem0rJM8KIercfBreFIBZ2aVMhh6", malformed("bcrypt")),
        ("$2b$05$é", malformed("bcrypt")),
        ("pbkdf2_sha256$0$salt$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE=", malformed("PBKDF2")),
        ("pbkdf2_sha256$-1$salt$P/snQ7rthXnzxSny1U+zZr+soqCyIJUVMdm1XM4eALE=", malformed("PBKDF2")),
        ("pbkdf2_sha256$1000$salt$AAAA", malformed("PBKDF2")),
        ("scrypt$3$salt$8$1$VK66", malformed("scrypt")),
        ("$y$jD5.7$LdJMENpBABJJ3hIHjB1Bi.$HboGM6qPrsK", malformed("yescrypt")),
        ("{SSHA}WZWvVeifKjj/PQFxAkA2ADwIUVo=", malformed("digest")),
        ("md5$salt$xyz", malformed("digest")),
        ("$argon2id$v=19$m=65536", malformed("argon2")),
    ] {
        assert_eq!(read(text).err(), Some(refused), "{text}");
    }
}

#[test]
fn a_password_that_crypt_would_not_take_fits_nothing() {
    let long = "a".repeat(513);
    assert!(!imported("$6$xne05vgocHW2wLOg$rOqNMY7T.OWV7vAoQOtH9BTu3Gu3r/ydMd8gbF0ZjKX9pbZHKsvJDPaHU8blvJ5T8WFwW3cYVs1tr9TMYF09d/").fits(long.as_bytes()));
    assert!(!imported("$1$qa1.Kq3F$N15IucjaA/153zM4TEg2K0").fits(long.as_bytes()));
}

proptest! {
    /// No text makes the reader panic, and what it takes is computed within the bounds.
    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        "\\PC{0,60}",
        "[$]?(argon2id|2b|5|6|y|7|1|apr1|scrypt|pbkdf2-sha256|bcrypt-sha256|md5)[$][a-z0-9=,$./+]{0,90}",
        "(pbkdf2_sha256|bcrypt|scrypt|md5|argon2)[$][a-zA-Z0-9=,$./+]{0,90}",
        "[{](SSHA|CRYPT|PBKDF2-SHA512|ARGON2|SHA256)[}][a-zA-Z0-9=,$./+]{0,90}",
    ]) {
        let _read = read(&text).is_ok();
    }
}
