package loadreport

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Option configures a [Reporter].
type Option interface{ apply(*config) }

type option func(*config)

func (f option) apply(c *config) { f(c) }

// WithUncounted excludes methods from what is counted and measured; their
// responses still carry the server's report. A method is given as
// "/package.Service/Method", a whole service as "/package.Service/".
//
// Use it for streams that stay open and mostly wait, such as subscriptions, and
// for calls that are not work. Repeated use adds. The methods of the standard services for
// health, reflection, channelz and ORCA are always excluded. Anything that has
// not one of the two forms makes [New] fail.
func WithUncounted(methods ...string) Option {
	return option(func(c *config) { c.methods = append(c.methods, methods...) })
}

// WithORCATrailer adds to each response, besides freshet's own report, the
// trailer endpoint-load-metrics-bin of gRFC A51, from which stock policies such
// as weighted_round_robin without enable_oob_load_report take their weights. By default
// it is not sent.
//
// It costs a response about 100 bytes, fewer where HTTP/2 compresses the repeated value,
// and an encoding at most every 10 ms. Clients take none
// of two such trailers on a response: do not use it in handlers or servers that use
// orca.CallMetricsServerOption, too.
func WithORCATrailer() Option {
	return option(func(c *config) { c.orca = true })
}

// WithLogger sets the logger, by default slog.Default(). A Reporter logs why it
// ignores a utilization, once a cause. A nil logger changes nothing.
func WithLogger(l *slog.Logger) Option {
	return option(func(c *config) {
		if l != nil {
			c.logger = l
		}
	})
}

type config struct {
	methods   []string
	uncounted map[string]bool
	orca      bool
	logger    *slog.Logger
}

func newConfig(opts []Option) (*config, error) {
	c := &config{logger: slog.Default(), uncounted: map[string]bool{
		"/grpc.health.v1.Health/":                    true,
		"/grpc.reflection.v1.ServerReflection/":      true,
		"/grpc.reflection.v1alpha.ServerReflection/": true,
		"/grpc.channelz.v1.Channelz/":                true,
		"/xds.service.orca.v3.OpenRcaService/":       true,
	}}
	for _, o := range opts {
		o.apply(c)
	}
	var faults []error
	for _, m := range c.methods {
		service, _, ok := strings.Cut(strings.TrimPrefix(m, "/"), "/")
		if !ok || service == "" || !strings.HasPrefix(m, "/") || strings.Count(m, "/") != 2 {
			faults = append(faults, fmt.Errorf(
				"loadreport: an uncounted method must have the form /package.Service/Method or /package.Service/, got %q", m))
		}
		c.uncounted[m] = true
	}
	return c, errors.Join(faults...)
}

// excludes reports whether the method, or its service, is uncounted.
func (r *Reporter) excludes(method string) bool {
	service := method[:strings.LastIndexByte(method, '/')+1]
	return r.uncounted[service] || r.uncounted[method]
}
