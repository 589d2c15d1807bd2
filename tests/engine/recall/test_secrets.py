"""Keys, tokens, passwords, numbers of cards and accounts: none is kept, wherever it stands."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.engine.recall.recognise import result_statement, statements
from tale_tui.engine.recall.secrets import has_secret

MADE = string.ascii_letters + string.digits
SECRETS = (
    "My OpenAI key is sk-proj-a1B2c3D4e5F6g7H8i9J0",
    "I use ghp_16C7e42F292c6912E7710c838347Ae178B4a for the build.",
    "We deploy with AKIAIOSFODNN7EXAMPLE from the CI.",
    "My password is hunter2.",
    "Our wifi password: correct horse battery staple",
    "Mein Passwort lautet Geheim123.",
    "Mon mot de passe est soleil42.",
    "Mi contraseña es gato-azul.",
    "La mia password è pippo.",
    "我的密码是abc123",
    "My PIN is 4711 and the card is blue.",
    "The database is at postgres://shop:s3cret@attic:5433/shop",
    "Our token is eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
    "We authenticate with Authorization: Bearer abcdef1234567890ghij",
    "The licence is 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "My account is 123e4567-e89b-12d3-a456-426614174000 there.",
    "-----BEGIN OPENSSH PRIVATE KEY----- we use this one",
    "api_key=Zm9vYmFyYmF6cXV4MTIzNDU2",
    "My pass: hunter2 for the shop",
    "The pw is hunter2.",
    "We dump it with mysql -u root -pS3cret every night",
    "We set AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY in the CI",
    "We clone from https://mara:pw123@git.example.org/shop.git",
    "We connect with jdbc:postgresql://host/db?user=shop&password=s3cret",
    "Our string is Server=db;User Id=sa;Password=Pa55; there",
    "The cache of ours is redis://:s3cret@host:6379/0",
    "The wifi password that I gave the neighbours last week when they visited us is sunshine",
    "My seed phrase is apple river stone cat moon light",
    "Our hook is https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "Our bot is 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw there",
    "My login is mara and the password hunter2",
    "Our passcode 4711 opens the door",
    "We look with curl -u mara:hunter2 https://api.example.org at it",
    "My credentials are mara / hunter2",
    "Le mot de passe du wifi c'est soleil42",
    "我的WiFiのパスワードは sunshine です",
    "-----BEGIN PGP PRIVATE KEY BLOCK----- is what we have",
    "I use hunter2 as my password.",
    "hunter2 is my password for the mail.",
    "My password's hunter2.",
    "We set the root password as Winter2024!",
    "We decided that the admin password should be kitty.",
    "We decided on kitty as the admin password.",
    "Our password, by the way, is kitty.",
    "My password -> kitty",
    "Our VPN secret equals kitty",
    "The wifi key is sonnenblume",
    "Mein WLAN-Schlüssel ist sonnenblume77",
    "My two-factor code is 123456",
    "The code of the safe: 4711",
    "The combination of the safe is 12-34-56.",
    "My key to the vault is 77-12-33",
    "I log in with bob and kitty99.",
    "We use x9$kLm2#pQ as the root login",
    "We decided to use the key 9f86d081884c7d65 for the database.",
    "I pay with 4111 1111 1111 1111 in the shop.",
    "Our card for travel is 5500-0000-0000-0004 and valid.",
    "I have 378282246310005 for the office.",
    "Mine is 3782 822463 10005, the blue one.",
    "We paid with 4222222222222 last year.",
    "Our card has nineteen: 6304000000000000000 there",
    "We pay the rent from AT61 1904 3002 3457 3201 each month.",
    "My account is DE89370400440532013000 at the bank.",
    "Our supplier has GB82-WEST-1234-5698-7654-32 in London.",
    "Unser Konto: mt84 malt 0110 0001 2345 mtlc ast0 01s",
    "The seed is witch collapse practice feed shame open despair creek road again ice least",
)
HARMLESS = (
    "Secrets live in HashiCorp Vault, nowhere else.",
    "I never share passwords with anybody.",
    "We decided to rotate all tokens on the first of each month.",
    "The home network uses the range 10.20.0.0/16.",
    "Our licence for the old mapping product costs nine thousand euros a year.",
    "The report lies in reports/2026/quarterly-figures-of-the-northern-region.pdf",
    "My favourite word is Donaudampfschifffahrtsgesellschaft.",
    "We pinned the version to 2026.10.11549.",
    "We decided to use OAuth tokens instead of API keys.",
    "My password manager is Bitwarden.",
    "The passport office is in Gothenburg.",
    "The token bucket holds forty tokens.",
    "The primary key is the order number.",
    "The staging database runs on https://attic:5433/shop.",
    "The API key rotation happens every Monday.",
    "We reach it with ssh -p2222 from outside.",
    "We agreed that the login page is blue.",
    "We decided that the token budget is 4000.",
    "We decided the session token lifetime is 15 minutes.",
    "The pin on the map is red and we like it.",
    "We chose commit 3ff34bb for the release.",
    "The primary key of the orders is their number.",
    "Our customer has the number 4111 1111 1111 1112 there.",
    "The order is 4111111111111112 in our system.",
    "The log begins at 1700000000006 in milliseconds.",
    "We met on 2026-10-12 and 2026-10-13 in the office.",
    "We call him at +43 660 123 45 67 or 0316 12 34 56.",
    "Our article is AT61 1904 3002 3457 3202 in the list.",
    "We drive on DB15 with fast cars from here to home now.",
    "Pi is 3.14159265358979323 for us.",
    "The code is in the folder src and the tests are beside it.",
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_recognised_and_never_kept(text: str) -> None:
    assert has_secret(text)
    assert not statements(text)
    assert not result_statement("Task", text)


def test_what_a_line_names_and_the_next_one_says_is_not_kept() -> None:
    text = "We set up the router today.\nThe password for our wifi:\nSunflowers never look at the moon\nWe like it."
    assert [one.text for one in statements(text)] == ["We set up the router today."]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_speaks_of_secrets_is_none(text: str) -> None:
    assert not has_secret(text)


@given(
    before=st.text("abc def", max_size=30),
    head=st.sampled_from(("sk-", "ghp_", "glpat-", "hf_", "xoxb-", "AKIA", "npm_")),
    body=st.text(string.ascii_uppercase + string.digits, min_size=24, max_size=40),
    after=st.text("abc .,", max_size=30),
)
def test_a_key_with_a_known_beginning_is_found_anywhere(before: str, head: str, body: str, after: str) -> None:
    assert has_secret(f"My text {before} {head}{body} {after}")


@given(st.text(max_size=400))
def test_any_text_is_judged(text: str) -> None:
    assert has_secret(text) in (True, False)
