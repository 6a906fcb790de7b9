package script

// Step is one step of a case. Time passes first, then the world is changed, then
// calls are made, and then all is checked. A step that says what it wants makes a
// call.
type Step struct {
	// At lets time pass until so long after the beginning; Wait lets so much
	// pass.
	At   Duration `yaml:"at"`
	Wait Duration `yaml:"wait"`

	// Origin replaces what the backends answer.
	Origin Replies `yaml:"origin,omitempty"`
	// Down takes backends away, and Up brings them back; 0 is all of them.
	Down *int `yaml:"down"`
	Up   *int `yaml:"up"`
	// Resolve has the resolver report the same backends again.
	Resolve bool `yaml:"resolve"`
	// Utilization is what the backends report of their load from now on.
	Utilization float64 `yaml:"utilization"`
	// Store changes what is done to stored values: see [Scene].
	Store *string `yaml:"store"`
	// Invalidate tells the cache that groups have changed; softly, if Soft.
	Invalidate []string `yaml:"invalidate"`
	Soft       bool     `yaml:"soft"`

	Call `yaml:",inline"`

	// Go makes the calls in the background, under this name; what is wanted of
	// them is checked when they are joined.
	Go string `yaml:"go"`
	// Join waits for the calls of that name. Cancel cancels them.
	Join   string `yaml:"join"`
	Cancel string `yaml:"cancel"`

	Expect `yaml:",inline"`
}

// Call is one call, or many alike.
type Call struct {
	// Method is the shop's method, GetProduct if not said.
	Method string `yaml:"call"`
	// ID is what is asked for, "1" if not said. IDBytes makes it so long.
	ID      string `yaml:"id"`
	IDBytes int    `yaml:"id_bytes"`
	// Request is the request in protobuf's JSON, instead.
	Request string `yaml:"request"`
	// Unknown adds an unknown field with that value to the request.
	Unknown int `yaml:"unknown"`
	// MD is request metadata, each "key: value"; As is who calls.
	MD []string `yaml:"md"`
	As string   `yaml:"as"`
	// Options are call options: "max-stale=10s", "no-cache"; and of gRPC
	// "codec=alt", "max-recv=100", "gzip", "wait-for-ready".
	Options []string `yaml:"options"`
	// Deadline is the caller's timeout.
	Deadline Duration `yaml:"deadline"`
	// Target is the name that the call is sent to: "shop" if not said.
	Target string `yaml:"target"`
	// N makes so many calls at once; Every makes them one after the other.
	N     int      `yaml:"n"`
	Every Duration `yaml:"every"`
	// Want is how the call is to be answered; of many, how each is.
	Want Want `yaml:"want"`
	// Code is the error that is wanted.
	Code string `yaml:"code"`
	// Reason is the ErrorInfo's reason that is wanted.
	Reason string `yaml:"reason"`
}

// Want says how a call is answered. It is judged by the origin's log alone: by
// which call of the origin's the reply's serial came from.
type Want string

// What may be wanted.
const (
	// Hit: with a reply of a call that had ended before this one began, and the
	// origin was not asked.
	Hit Want = "hit"
	// Stale: with a reply of a call that had ended before. Whether the origin was
	// asked meanwhile, the step says.
	Stale Want = "stale"
	// Validated: with a reply of a call that had ended before, after the origin
	// was asked and said not-modified.
	Validated Want = "validated"
	// Miss: with a reply of a call that began after this one.
	Miss Want = "miss"
	// Collapsed: with a reply of a call that was under way.
	Collapsed Want = "collapsed"
	// Fetched: miss or collapsed.
	Fetched Want = "fetched"
	// OK: somehow, without an error.
	OK Want = "ok"
	// Err: with an error.
	Err Want = "err"
)

// Expect is what must hold after a step. Each field that is not said is not
// checked, but for Calls: a hit makes no call of the origin, and a miss of a
// single call, or a validation, exactly one.
type Expect struct {
	// Calls is the number of calls that reached the origin during the step.
	Calls *int `yaml:"calls"`
	// AtMost bounds it instead.
	AtMost *int `yaml:"at_most"`
	// Cancelled is the number of those whose context has ended unanswered.
	Cancelled *int `yaml:"cancelled"`
	// Streams is the number of streams that the client opened.
	Streams *int `yaml:"streams"`
	// Header and Trailer are response metadata that the caller has, each
	// "key: value": all values of a key count, in order, or "!key" for one that
	// must not be there.
	Header  []string `yaml:"header"`
	Trailer []string `yaml:"trailer"`
	// Status are parameters of the cache's own member of cache-status: "hit",
	// "fwd=stale", "collapsed=?0", "!stored", and for a parameter of whatever
	// value "key=*".
	Status []string `yaml:"status"`
	// Sees is request metadata of the last call that reached the origin, as in
	// Header.
	Sees []string `yaml:"sees"`
	// Asked are the ids that the last call to reach the origin was for.
	Asked []string `yaml:"asked"`
	// Body is the name of the product.
	Body *string `yaml:"body"`
	// Items are the products of a list.
	Items []string `yaml:"items"`
	// Took is how long the call took, exactly; Within bounds it.
	Took   *Duration `yaml:"took"`
	Within Duration  `yaml:"within"`
	// Stats are counters of the cache's.
	Stats map[string]uint64 `yaml:"stats"`
	// Outcome is what the cache reports of the call: "lagging".
	Outcome []string `yaml:"outcome"`
}
