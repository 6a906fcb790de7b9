package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/freshet-io/freshet/resolver/internal/watch"
)

const (
	serviceLabel = "kubernetes.io/service-name"

	pageSize  = 100      // slices, of mostly 100 endpoints
	maxPage   = 64 << 20 // bytes; 100 slices of the most endpoints that one may have, 1000
	maxSlices = 2000
	maxPages  = 1000

	listTimeout = 30 * time.Second // for each page
)

// follower keeps what the API server says of one Service.
type follower struct {
	access  *access
	target  Target
	slices  map[string]*slice
	version string // of slices; "" when they must be listed
	broken  int    // watches in a row that failed without an event
}

// path returns the URL of the Service's slices, with a query.
func (f *follower) path(query url.Values) string {
	query.Set("labelSelector", serviceLabel+"="+f.target.Service)
	return f.access.base + "/apis/discovery.k8s.io/v1/namespaces/" + f.target.Namespace + "/endpointslices?" + query.Encode()
}

// list replaces what is known by what there is now. Nothing is replaced before
// the last page has come.
//
// No resourceVersion is asked for: "Return data at the most recent resource
// version." Any version would be cheaper for the API server, and could be one
// from before the last watch.
func (f *follower) list(ctx context.Context) error {
	found := map[string]*slice{}
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for range maxPages {
		page, err := f.page(ctx, query)
		if err != nil {
			return fmt.Errorf("listing EndpointSlices: %w", err)
		}
		for _, s := range page.Items {
			if s == nil || s.Metadata.Name == "" {
				return errors.New("listing EndpointSlices: one has no name")
			}
			found[s.Metadata.Name] = s
		}
		if len(found) > maxSlices {
			return fmt.Errorf("listing EndpointSlices: must be at most %d, got more", maxSlices)
		}
		next := page.Metadata.Continue
		if next == "" {
			if page.Metadata.ResourceVersion == "" {
				return errors.New("listing EndpointSlices: the list has no resourceVersion")
			}
			f.slices, f.version = found, page.Metadata.ResourceVersion
			return nil
		}
		// A page may be empty and not the last: "clients should only use the
		// presence of the continue field to determine whether more results are
		// available" (ListOptions, limit).
		if next == query.Get("continue") {
			break
		}
		query.Set("continue", next)
	}
	return errors.New("listing EndpointSlices: the pages do not end")
}

func (f *follower) page(ctx context.Context, query url.Values) (*sliceList, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, fmt.Errorf("no answer within %v", listTimeout))
	defer cancel()
	resp, err := f.access.requests.Get(ctx, f.path(query))
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var page sliceList
	if err := watch.Decode(resp.Body, maxPage, &page); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	return &page, nil
}
