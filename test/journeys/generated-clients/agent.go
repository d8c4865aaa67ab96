// Asks, waits, decides and reads with the client that oapi-codegen generates.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

func client(variable string) *ClientWithResponses {
	token := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+os.Getenv(variable))
		return nil
	}
	made, err := NewClientWithResponses(os.Getenv("KEYTURN_URL"), WithRequestEditorFn(token))
	check(err == nil, err)
	return made
}

func check(holds bool, told ...any) {
	if !holds {
		log.Fatal(told...)
	}
}

func wait(agent *ClientWithResponses, request *Request, status string) *Request {
	for request.Status != status {
		check(strings.Contains("planning pending approved executing", request.Status), request.Status)
		params := &GetRequestParams{Wait: new(int), Version: &request.Version}
		*params.Wait = 20
		answer, err := agent.GetRequestWithResponse(context.Background(), request.Id, params)
		check(err == nil && answer.JSON200 != nil, err, answer)
		request = answer.JSON200
	}
	return request
}

func main() {
	ctx := context.Background()
	agent, person := client("AGENT_TOKEN"), client("PERSON_TOKEN")
	body := CreateRequestBody{
		Action: "postgres.execute", Target: "shop",
		Arguments: map[string]any{"statement": os.Getenv("STATEMENT")},
	}
	prefer := "wait=20"
	created, err := agent.CreateRequestWithResponse(ctx, &CreateRequestParams{IdempotencyKey: os.Getenv("KEY"), Prefer: &prefer}, body)
	check(err == nil, err)
	request := created.JSON201
	if request == nil {
		request = created.JSON202
	}
	check(request != nil, string(created.Body))
	pending := wait(agent, request, "pending")

	seen, err := person.GetRequestWithResponse(ctx, pending.Id, nil)
	check(err == nil && seen.JSON200 != nil && seen.JSON200.Plan != nil, err)
	var exact int64 = seen.JSON200.Requirement.Rules[0].ExpiresMs
	check(exact > 0, "no expiry")
	once, reason := "once", "seen"
	decision := DecisionBody{DecisionDigest: *seen.JSON200.DecisionDigest, Verdict: DecisionBodyVerdictApprove, Reason: &reason}
	decided, err := person.DecideWithResponse(ctx, pending.Id, &DecideParams{IdempotencyKey: &once}, decision)
	check(err == nil && (decided.JSON200 != nil || decided.JSON202 != nil), err, string(decided.Body))
	done := wait(agent, pending, "succeeded")

	limit := 100
	page, err := person.ListRequestsWithResponse(ctx, &ListRequestsParams{Limit: &limit})
	check(err == nil && page.JSON200 != nil && len(page.JSON200.Items) > 0, err)
	evidence, err := person.GetEvidenceWithResponse(ctx, done.Id)
	check(err == nil && evidence.JSON200 != nil, err)
	missing, err := agent.GetRequestWithResponse(ctx, "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", nil)
	check(err == nil && missing.ApplicationproblemJSON404.Code == "not_found", err)
	fmt.Println(done.Id, done.Status)
}
