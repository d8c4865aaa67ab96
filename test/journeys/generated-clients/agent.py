"""Asks, waits, decides and reads with the client that openapi-python-client generates."""

import os
import uuid

from keyturn_client import AuthenticatedClient
from keyturn_client.api.decisions import decide
from keyturn_client.api.requests import create_request, get_evidence, get_request, get_timeline, list_requests
from keyturn_client.models import CreateRequestBody, CreateRequestBodyArguments, DecisionBody
from keyturn_client.models import DecisionAnswer, DecisionBodyVerdict, Evidence, Problem, Request, Timeline
from keyturn_client.models import RequestPage


def client(variable: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=os.environ["KEYTURN_URL"], token=os.environ[variable], timeout=70)


agent, person = client("AGENT_TOKEN"), client("PERSON_TOKEN")


def wait(request: Request, status: str) -> Request:
    while request.status != status:
        assert request.status in ("planning", "pending", "approved", "executing"), request.status
        following = get_request.sync(request.id, client=agent, wait=20, version=request.version)
        assert isinstance(following, Request), following
        request = following
    return request


arguments = CreateRequestBodyArguments.from_dict({"statement": os.environ["STATEMENT"]})
body = CreateRequestBody(action="postgres.execute", target="shop", arguments=arguments)
key = str(uuid.uuid4())
created = create_request.sync(client=agent, body=body, idempotency_key=key, prefer="wait=20")
assert isinstance(created, Request), created
again = create_request.sync_detailed(client=agent, body=body, idempotency_key=key)
assert isinstance(again.parsed, Request) and again.parsed.id == created.id
assert again.headers["location"].endswith(created.id)
pending = wait(created, "pending")

seen = get_request.sync(pending.id, client=person)
assert isinstance(seen, Request) and seen.plan and seen.decision_digest and seen.requirement
assert isinstance(seen.requirement.rules[0].expires_ms, int)
decision = DecisionBody(decision_digest=seen.decision_digest, verdict=DecisionBodyVerdict.APPROVE, reason="seen")
answers = [decide.sync(seen.id, client=person, body=decision, idempotency_key="once") for _ in range(2)]
decided = {answer.decision.id for answer in answers if isinstance(answer, DecisionAnswer)}
assert len(decided) == 1, answers
done = wait(pending, "succeeded")

page = list_requests.sync(client=person, limit=100, mine=False)
assert isinstance(page, RequestPage) and done.id in [item.id for item in page.items]
assert isinstance(get_timeline.sync(done.id, client=person), Timeline)
assert isinstance(get_evidence.sync(done.id, client=person), Evidence)
missing = get_request.sync("req_aaaaaaaaaaaaaaaaaaaaaaaaaa", client=agent)
assert isinstance(missing, Problem) and missing.code == "not_found"
print(done.id, done.status)
