"""Tokens that somebody else signs (JWTs), made as another program would make them: by PyJWT and cryptography."""
import json
import shutil
import time

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from conftest import Guarded, code_of, wait_for
from harness.stubs import pb
from harness.worker import Worker
from test_http import JSON, request, sign_in

ISSUER = "https://login.example.org"
BLOCK = f"""
jwt corp
  issuer {ISSUER}
  audience gkick
  keys jwks.json
"""
KEYS = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
ALGORITHMS = {"RS256": jwt.algorithms.RSAAlgorithm, "ES256": jwt.algorithms.ECAlgorithm, "EdDSA": jwt.algorithms.OKPAlgorithm}


def jwk(algorithm, name, key=None):
    public = (key or KEYS[algorithm]).public_key()
    return json.loads(ALGORITHMS[algorithm].to_jwk(public)) | {"kid": name, "use": "sig", "alg": algorithm}


def write_keys(folder, *keys):
    other = folder / "jwks.next"
    other.write_text(json.dumps({"keys": list(keys)}))
    other.replace(folder / "jwks.json")


ALL = [jwk(algorithm, algorithm) for algorithm in KEYS]


def token(algorithm="ES256", kid=None, key=None, headers=None, **claims):
    said = {"iss": ISSUER, "aud": "gkick", "sub": "alice", "exp": time.time() + 300, "roles": ["watcher"]} | claims
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(said, key or KEYS[algorithm], algorithm, headers={"kid": kid or algorithm} | (headers or {}))


@pytest.fixture(scope="module")
def trusting():
    made = Guarded()
    write_keys(made.folder, *ALL)
    made.write(made.file.read_text() + BLOCK)
    yield made
    assert made.server.lives(), made.server.log()
    made.close()


def ask(server_side, shown):
    return code_of(lambda: server_side.caller(shown).ListQueues(pb.ListQueuesRequest()))


@pytest.mark.parametrize("algorithm", KEYS)
def test_each_algorithm_is_read(trusting, algorithm):
    shown = token(algorithm)
    assert ask(trusting, shown) == "OK"
    assert code_of(lambda: trusting.caller(shown).PauseQueue(pb.PauseQueueRequest(queue="q"))) == "PERMISSION_DENIED"
    status, _, body = request(trusting.server, "GET", "/session", authorization=f"Bearer {shown}")
    assert status == 200 and json.loads(body)["principal"] == "corp:alice"
    assert shown not in trusting.server.log()


def test_roles_and_queues_are_the_claims(trusting, mark):
    caller = trusting.caller(token(roles=["producer", "of something else"], queues=[f"{mark}*"]))
    caller.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=f"{mark}q", name="t")))
    assert code_of(lambda: caller.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="foreign", name="t")))) == "PERMISSION_DENIED"
    assert code_of(lambda: caller.ListQueues(pb.ListQueuesRequest())) == "PERMISSION_DENIED"
    # As OAuth writes a scope.
    assert ask(trusting, token(roles="openid watcher")) == "OK"


def test_signing_in_on_the_page(trusting):
    shown = token("RS256", roles=["operator"])
    status, headers, body = sign_in(trusting.server, shown)
    assert status == 200 and json.loads(body)["roles"] == ["operator"] and shown not in body.decode()
    pair = headers["set-cookie"].split(";")[0]
    call = ("POST", "/gkick.v1.AdminService/ListQueues", "{}")
    assert request(trusting.server, *call, cookie=pair, **JSON)[0] == 200
    assert request(trusting.server, *call, authorization=f"Bearer {shown}", **JSON)[0] == 200


SECRETS = KEYS["RS256"].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def by_hand(head, claims, signature=b""):
    return b".".join(jwt.utils.base64url_encode(part) for part in (json.dumps(head).encode(), json.dumps(claims).encode(), signature)).decode()


def confused(kid):
    """HS256 with the public key as the secret, which PyJWT itself refuses to make."""
    import hashlib
    import hmac
    unsigned = by_hand({"alg": "HS256", "kid": kid}, {"iss": ISSUER, "aud": "gkick", "sub": "a", "exp": time.time() + 300, "roles": ["admin"]})[:-1]
    return f"{unsigned}.{jwt.utils.base64url_encode(hmac.new(SECRETS, unsigned.encode(), hashlib.sha256).digest()).decode()}"


def forged(shown):
    """A signature of which one bit is another."""
    unsigned, _, signature = shown.rpartition(".")
    first, *others = jwt.utils.base64url_decode(signature)
    return f"{unsigned}.{jwt.utils.base64url_encode(bytes([first ^ 1, *others])).decode()}"


def written_otherwise(shown):
    """The same 64 bytes: the last letter's four low bits stand for nothing (RFC 4648, section 3.5)."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return shown[:-1] + letters[letters.index(shown[-1]) | 1]


GOOD = {"iss": ISSUER, "aud": "gkick", "sub": "a", "exp": 4e9, "roles": ["admin"]}


@pytest.mark.parametrize("shown", [
    pytest.param(lambda: by_hand({"alg": "none"}, GOOD), id="alg none"),
    pytest.param(lambda: by_hand({"alg": "none", "kid": "ES256"}, GOOD), id="alg none with a key"),
    pytest.param(lambda: confused("RS256"), id="the public key as a secret"),
    pytest.param(lambda: token(kid="unknown"), id="unknown kid"),
    pytest.param(lambda: token("RS256", kid="ES256"), id="another algorithm's kid"),
    pytest.param(lambda: token(key=ec.generate_private_key(ec.SECP256R1())), id="another's key"),
    pytest.param(lambda: token(iss="https://evil.example.org"), id="issuer"),
    pytest.param(lambda: token(iss=None), id="no issuer"),
    pytest.param(lambda: token(aud="other"), id="audience"),
    pytest.param(lambda: token(aud=None), id="no audience"),
    pytest.param(lambda: token(exp=time.time() - 60), id="expired"),
    pytest.param(lambda: token(exp=None), id="never expires"),
    pytest.param(lambda: token(nbf=time.time() + 60), id="not yet"),
    pytest.param(lambda: token(roles=None), id="no role"),
    pytest.param(lambda: token(roles=["boss"]), id="unknown role"),
    pytest.param(lambda: token(queues=[]), id="no queue"),
    pytest.param(lambda: token(queues=["a b"]), id="no queue's name"),
    pytest.param(lambda: token(sub="a\nb"), id="subject"),
    pytest.param(lambda: token(headers={"crit": ["exp"]}), id="crit"),
    pytest.param(lambda: forged(token()), id="signature"),
    pytest.param(lambda: written_otherwise(token()), id="a signature written in another way"),
    pytest.param(lambda: token() + "=", id="padding"),
    pytest.param(lambda: "a.b.c", id="garbage"),
    pytest.param(lambda: "..", id="nothing"),
    pytest.param(lambda: by_hand({"alg": "ES256", "kid": "ES256", "x": "y" * 2_000}, GOOD, b"x" * 64), id="a large head"),
    pytest.param(lambda: token(filler="x" * 9_000), id="a large token"),
    pytest.param(lambda: by_hand({"alg": "ES256", "kid": "ES256"}, {"a": [[1] * 50] * 50}, b"x" * 64), id="much to read unsigned"),
])
def test_what_is_wrong_is_refused_everywhere(trusting, shown):
    shown = shown()
    assert ask(trusting, shown) == "UNAUTHENTICATED"
    call = ("POST", "/gkick.v1.AdminService/ListQueues", "{}")
    assert request(trusting.server, *call, authorization=f"Bearer {shown}", **JSON)[0] == 401
    assert sign_in(trusting.server, shown)[0] in (400, 401)
    assert shown not in trusting.server.log() and ask(trusting, token()) == "OK"


def test_what_is_open_ends_with_the_token(trusting, mark):
    queue = f"{mark}q"
    shown = token(roles=["worker", "watcher"], exp=time.time() + 3)
    caller = trusting.caller(shown)
    worker = Worker(trusting.server, queue, metadata=[("authorization", f"Bearer {shown}")])
    events = caller.StreamEvents(pb.StreamEventsRequest(), timeout=60)
    begun, seen = time.monotonic(), []
    with pytest.raises(grpc.RpcError) as ended:
        for batch in events:
            seen.append(batch)
    assert ended.value.code() == grpc.StatusCode.UNAUTHENTICATED and time.monotonic() - begun < 13
    wait_for(lambda: worker.ended is not None)
    assert worker.ended == grpc.StatusCode.UNAUTHENTICATED
    given = len(worker.jobs)
    trusting.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="late")))
    time.sleep(0.5)
    assert len(worker.jobs) == given and ask(trusting, shown) == "UNAUTHENTICATED"


def test_keys_are_read_again_when_their_file_changes(trusting):
    def marks():
        return trusting.server.log().count("was read again"), trusting.server.log().count("stays as it was")

    new = ec.generate_private_key(ec.SECP256R1())
    shown = token(kid="new", key=new)
    assert ask(trusting, shown) == "UNAUTHENTICATED"
    stream = trusting.caller(token()).StreamEvents(pb.StreamEventsRequest(), timeout=60)
    try:
        good, bad = marks()
        write_keys(trusting.folder, jwk("ES256", "new", new))
        wait_for(lambda: marks()[0] > good)
        assert ask(trusting, shown) == "OK" and ask(trusting, token()) == "UNAUTHENTICATED"
        # What was open by a key that is no more there ends.
        with pytest.raises(grpc.RpcError) as ended:
            for _ in stream:
                pass
        assert ended.value.code() == grpc.StatusCode.UNAUTHENTICATED
        write_keys(trusting.folder)
        wait_for(lambda: marks()[1] > bad)
        assert "no key for any of" in trusting.server.log() and ask(trusting, shown) == "OK"
    finally:
        good, _ = marks()
        write_keys(trusting.folder, *ALL)
        wait_for(lambda: marks()[0] > good)
    assert ask(trusting, token()) == "OK"


def test_hostile_tokens_keep_nobody_waiting(trusting):
    """Each costs at most one look at a signature, and nothing of it is kept."""
    forged = token()[:-40]
    good, stub = trusting.caller(token()), pb.AdminServiceStub(trusting.caller().channel)
    good.ListQueues(pb.ListQueuesRequest())
    cpu = trusting.server.cpu_seconds()
    calls = [stub.ListQueues.future(pb.ListQueuesRequest(), timeout=60, metadata=[("authorization", f"Bearer {forged}{index:040}")])
             for index in range(300)]
    good.ListQueues(pb.ListQueuesRequest())
    # Those for which there is no turn are not looked at.
    codes = [call.code().name for call in calls]
    assert codes.count("UNAUTHENTICATED") >= 200 and set(codes) <= {"UNAUTHENTICATED", "RESOURCE_EXHAUSTED"}
    # In a debug build a signature is some milliseconds, where it is a tenth of one in a release.
    assert trusting.server.cpu_seconds() - cpu < 10


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed: Scripts/setup installs it")
def test_a_front_reads_them():
    from test_front import Fronted
    fronted = Fronted()
    try:
        write_keys(fronted.folder, *ALL)
        fronted.write(fronted.file.read_text() + BLOCK)
        shown = token(roles=["producer", "watcher"], queues=["mine*"], exp=time.time() + 4)
        caller = fronted.caller(shown)
        caller.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="mine", name="t")))
        assert code_of(lambda: caller.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="other", name="t")))) == "PERMISSION_DENIED"
        assert ask(fronted, token(aud="other")) == ask(fronted, confused("RS256")) == "UNAUTHENTICATED"
        begun = time.monotonic()
        assert code_of(lambda: list(caller.StreamEvents(pb.StreamEventsRequest(), timeout=60))) == "UNAUTHENTICATED"
        assert time.monotonic() - begun < 14
    finally:
        fronted.close()


def test_a_flood_of_forged_tokens_is_told_no_faster_than_others_can_bear(trusting):
    """One after the other from one connection, however many come at once; whoever has a good token waits for none of them."""
    forger = trusting.caller()
    good = trusting.caller(token(roles=["producer"]))
    bad = [("authorization", f"Bearer {token(key=ec.generate_private_key(ec.SECP256R1()), roles=['producer'])}")]
    started = time.monotonic()
    calls = [forger.stubs[0].Enqueue.future(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="t")), metadata=bad, timeout=60) for _ in range(400)]
    waits = []
    while time.monotonic() < started + 2:
        asked = time.monotonic()
        good.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="t")))
        waits.append(time.monotonic() - asked)
    codes = {call.code() for call in calls}
    took = time.monotonic() - started
    # 50 at once, 100 in each second, and none later than after two; those that would be are not looked at any more.
    assert codes == {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED} and 1.9 < took < 20, (codes, took)
    assert sorted(waits)[len(waits) // 2] < 0.1, sorted(waits)[-5:]
    # A new token on a new connection is looked at at once.
    asked = time.monotonic()
    trusting.caller(token(sub="bob", roles=["producer"])).Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="t")))
    assert time.monotonic() - asked < 1
