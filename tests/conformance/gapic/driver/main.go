// Sends gapic-showcase's compliance suite with gapic-showcase's own REST client, and looks at what comes back.
//
//	driver http://HOST:PORT
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/googleapis/gapic-showcase/client"
	"github.com/googleapis/gapic-showcase/server/genproto"
	"github.com/googleapis/gapic-showcase/server/services"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/proto"
)

type repeat func(context.Context, *genproto.RepeatRequest, ...gax.CallOption) (*genproto.RepeatResponse, error)

// The client writes a value into a path as it is, and always the first binding's path. Where the standard wants another one, it is
// put in here: a slash in a variable of one segment is encoded, and a request that only fits the second binding goes there.
type pathMender struct{ path, raw string }

func (mender *pathMender) RoundTrip(request *http.Request) (*http.Response, error) {
	if mender.path != "" {
		request.URL.Path, request.URL.RawPath = mender.path, mender.raw
	}
	return http.DefaultTransport.RoundTrip(request)
}

func (mender *pathMender) set(segments ...string) {
	encoded := make([]string, len(segments))
	for i, segment := range segments {
		encoded[i] = url.PathEscape(segment)
	}
	mender.path = "/v1beta1/repeat/" + strings.Join(segments, "/")
	mender.raw = "/v1beta1/repeat/" + strings.Join(encoded, "/")
}

func (mender *pathMender) prepare(rpc string, request *genproto.RepeatRequest) {
	*mender = pathMender{}
	info := request.GetInfo()
	switch {
	case rpc == "Compliance.RepeatDataSimplePath" && strings.Contains(info.GetFString(), "/"):
		mender.set(info.GetFString(), fmt.Sprint(info.GetFInt32()), fmt.Sprint(info.GetFDouble()), fmt.Sprint(info.GetFBool()),
			info.GetFKingdom().String()+":simplepath")
	case rpc == "Compliance.RepeatDataPathResource" && strings.HasPrefix(info.GetFString(), "second/"):
		parts := strings.Split(info.GetFChild().GetFString()+"/"+info.GetFString(), "/")
		mender.set(append(parts, "bool", fmt.Sprint(info.GetFBool())+":childfirstpathresource")...)
	}
}

type outcome struct{ passed, failed, mended int }

func (outcome *outcome) tell(name string, err error) {
	if err == nil {
		outcome.passed++
		return
	}
	outcome.failed++
	fmt.Printf("FAILED %s: %v\n", name, err)
}

func runSuite(clients *client.ComplianceClient, mender *pathMender, outcome *outcome) {
	methods := map[string]repeat{
		"Compliance.RepeatDataBody":                 clients.RepeatDataBody,
		"Compliance.RepeatDataBodyInfo":             clients.RepeatDataBodyInfo,
		"Compliance.RepeatDataBodyPatch":            clients.RepeatDataBodyPatch,
		"Compliance.RepeatDataBodyPut":              clients.RepeatDataBodyPut,
		"Compliance.RepeatDataPathResource":         clients.RepeatDataPathResource,
		"Compliance.RepeatDataPathTrailingResource": clients.RepeatDataPathTrailingResource,
		"Compliance.RepeatDataQuery":                clients.RepeatDataQuery,
		"Compliance.RepeatDataSimplePath":           clients.RepeatDataSimplePath,
	}
	for _, group := range services.ComplianceSuite.GetGroup() {
		for _, rpc := range group.GetRpcs() {
			for _, request := range group.GetRequests() {
				name := fmt.Sprintf("%s, %q", rpc, request.GetName())
				method, known := methods[rpc]
				if !known {
					outcome.tell(name, fmt.Errorf("the driver does not know this method"))
					continue
				}
				mender.prepare(rpc, request)
				if mender.path != "" {
					outcome.mended++
				}
				response, err := method(context.Background(), request)
				if err == nil && !proto.Equal(response.GetRequest(), request) {
					err = fmt.Errorf("sent %v, came back %v", request, response.GetRequest())
				}
				outcome.tell(name, err)
			}
		}
	}
}

// What the suite does not have: the binding whose last variable takes many segments, and enums that a client does not know.
func runTrailing(clients *client.ComplianceClient, outcome *outcome) {
	request := &genproto.RepeatRequest{Name: "trailing", Info: &genproto.ComplianceData{
		FString: "first/hello", FChild: &genproto.ComplianceDataChild{FString: "second/a/b/c"}}}
	response, err := clients.RepeatDataPathTrailingResource(context.Background(), request)
	if err == nil && !proto.Equal(response.GetRequest(), request) {
		err = fmt.Errorf("sent %v, came back %v", request, response.GetRequest())
	}
	outcome.tell("Compliance.RepeatDataPathTrailingResource", err)
}

func runEnum(clients *client.ComplianceClient, unknown bool, outcome *outcome) {
	got, err := clients.GetEnum(context.Background(), &genproto.EnumRequest{UnknownEnum: unknown})
	if err == nil && (genproto.Continent_name[int32(got.GetContinent())] == "") != unknown {
		err = fmt.Errorf("got %v", got)
	}
	outcome.tell(fmt.Sprintf("Compliance.GetEnum, unknown %t", unknown), err)
	if err != nil {
		return
	}
	// A query has no place for a message whose fields are all default.
	back, err := clients.VerifyEnum(context.Background(), got)
	if err == nil && (back.GetContinent() != got.GetContinent() || back.GetRequest().GetUnknownEnum() != unknown) {
		err = fmt.Errorf("sent %v, came back %v", got, back)
	}
	outcome.tell(fmt.Sprintf("Compliance.VerifyEnum, unknown %t", unknown), err)
}

func main() {
	if services.ComplianceSuiteStatus != services.ComplianceSuiteLoaded {
		fmt.Fprintln(os.Stderr, services.ComplianceSuiteStatusMessage)
		os.Exit(1)
	}
	mender := &pathMender{}
	clients, err := client.NewComplianceRESTClient(context.Background(), option.WithEndpoint(os.Args[1]),
		option.WithHTTPClient(&http.Client{Transport: mender}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	outcome := &outcome{}
	runSuite(clients, mender, outcome)
	*mender = pathMender{}
	runTrailing(clients, outcome)
	runEnum(clients, false, outcome)
	runEnum(clients, true, outcome)
	fmt.Printf("gapic-showcase's compliance suite: %d passed, %d failed; %d with a path put in by the driver\n", outcome.passed,
		outcome.failed, outcome.mended)
	if outcome.failed > 0 || outcome.passed == 0 {
		os.Exit(1)
	}
}
