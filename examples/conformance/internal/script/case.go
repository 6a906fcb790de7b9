// Package script is the language that the conformance cases are written in: a
// case is a rule, what an origin is to answer, and a list of steps, each of which
// lets time pass, changes the origin, makes calls and says what is to come of
// them.
//
//   - id: F12
//     tier: 1
//     level: must
//     from: freshness-max-age-age
//     says: The age that a reply arrives with counts against its lifetime.
//     origin: {header: ["cache-control: max-age=10", "age: 6"]}
//     steps:
//   - {want: miss}
//   - {at: 3s, want: hit}
//   - {at: 4.5s, want: miss}
//
// Cases are data, so that they can be read beside the RFCs, counted, and held
// against any cache. Those that no list of calls can express (a store that lies,
// a heap that is measured) name a Go function instead of steps.
package script

// Case is one thing that a cache must, or should, do.
type Case struct {
	// ID names the case in results: as in the reference list, or beginning with
	// "freshet-" for a case that is freshet's own.
	ID string `yaml:"id"`
	// Section is what it is about: the name of its file.
	Section string `yaml:"-"`
	// Tier is 1 for what no cache should be used without, 2 for the rest.
	Tier int `yaml:"tier"`
	// Level is how much the case asks: see [Level].
	Level Level `yaml:"level"`
	// From is where the demand comes from: a test of cache-tests, a section of an
	// RFC, a bug of somebody's.
	From string `yaml:"from"`
	// Says is the demand, in a sentence.
	Says string `yaml:"says"`
	// DependsOn lists cases without which this one means nothing: if one of them
	// fails, this one is not testable.
	DependsOn []string `yaml:"depends_on"`
	// Func names the Go function that plays the case, when steps cannot.
	Func string `yaml:"func"`
	// Each plays the case once for every value, with ${each} replaced by it.
	Each []string `yaml:"each"`

	Scene `yaml:",inline"`
	// Steps are played in order.
	Steps []Step `yaml:"steps"`
}

// Own reports whether the case is not of the reference list.
func (c *Case) Own() bool { return len(c.ID) > 8 && c.ID[:8] == "freshet-" }

// Level is how much a case asks.
type Level string

// The levels, as in cache-tests.
const (
	// Must: safety, or conformance to a specification.
	Must Level = "must"
	// Should: a cache that does not do it works less well.
	Should Level = "should"
	// Choice: more than one behaviour is right, and this one was chosen.
	Choice Level = "choice"
)

// Scene is what a case is played in.
type Scene struct {
	// Rule is the cache rule of GetProduct, over what is said for all cases:
	// max_age an hour, default_max_age 0, scope PUBLIC.
	Rule map[string]any `yaml:"rule"`
	// Methods are the policies of further methods of the shop, by name, as in a
	// policy file.
	Methods map[string]map[string]any `yaml:"methods"`
	// Principal has the cache told who calls: by the call's authorization.
	Principal bool `yaml:"principal"`
	// Backends is the number of servers behind the target, 1 if not said.
	Backends int `yaml:"backends"`
	// Balancer is the load-balancing policy: round_robin if not said and there
	// are several backends.
	Balancer string `yaml:"balancer"`
	// ServerHalf has the origin speak through freshet's interceptors for servers.
	ServerHalf bool `yaml:"server_half"`
	// MaxBytes is the cache's budget, 1 MiB if not said.
	MaxBytes int64 `yaml:"max_bytes"`
	// Store has something done to what the cache stores: "flip" or "truncate"
	// every value read, "fail" or "panic" on every operation.
	Store string `yaml:"store"`
	// Origin is what the backends answer at first.
	Origin Replies `yaml:"origin"`
}

// Reply is how a backend answers a call.
type Reply struct {
	// Method, Backend, ID and If restrict the reply to calls of one method, to
	// one backend (numbered from 1), to requests of one id and to calls that
	// carry if-none-match ("conditional") or do not ("unconditional"). Without a
	// method it is for those that read.
	Method  string `yaml:"method"`
	Backend int    `yaml:"backend"`
	ID      string `yaml:"id"`
	If      string `yaml:"if"`
	// Times is how many calls are answered so, 0 for all. A call is answered by
	// the first reply of the list that is for it and not used up.
	Times int `yaml:"times"`

	// Header and Trailer are response metadata, each "key: value". The value of a
	// "-bin" key is base64.
	Header  []string `yaml:"header"`
	Trailer []string `yaml:"trailer"`
	// Etag is put into the header, and a call that carries it in if-none-match is
	// answered with not-modified.
	Etag string `yaml:"etag"`
	// NotModified replaces Header for those answers.
	NotModified []string `yaml:"not_modified"`
	// Code, if set, is the error that the call ends with, by name or number.
	Code string `yaml:"code"`
	// RetryDelay is put into the error's RetryInfo.
	RetryDelay Duration `yaml:"retry_delay"`
	// Delay is how long the answer takes, and Hang that it never comes.
	Delay Duration `yaml:"delay"`
	Hang  bool     `yaml:"hang"`
	// Size is the length of the product's picture, in bytes.
	Size int `yaml:"size"`
	// Body is the product's name.
	Body string `yaml:"body"`
	// Unserialled replies carry no serial, so that all are alike.
	Unserialled bool `yaml:"unserialled"`
	// Items are the products of a list, instead of the usual ones.
	Items []string `yaml:"items"`
	// Strange has the reply carry what is easily lost: unknown fields, an Any,
	// bytes that are no UTF-8.
	Strange bool `yaml:"strange"`

	// Say are calls of the package for servers: "cache-control max-age=5",
	// "etag \"v1\"", "version 7", "groups a b", "invalidate a b",
	// "invalidate-version 7 a b", "not-modified \"v1\"".
	Say []string `yaml:"say"`
}

// Replies may be written as one reply or as a list.
type Replies []Reply
