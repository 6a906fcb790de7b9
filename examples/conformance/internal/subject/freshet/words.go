package freshet

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/freshet-io/freshet/interceptor/cache"
)

// Counters returns the cache's Stats by name.
func (u *under) Counters() map[string]uint64 {
	v := reflect.ValueOf(u.Stats())
	out := make(map[string]uint64, v.NumField())
	for i := range v.NumField() {
		if f := v.Field(i); f.CanUint() {
			out[v.Type().Field(i).Name] = f.Uint()
		}
	}
	return out
}

// Option returns the call option of that name.
func (*under) Option(name, value string) (grpc.CallOption, bool) {
	if value == "" {
		switch name {
		case "no-cache":
			return cache.NoCache(), true
		case "no-store":
			return cache.NoStore(), true
		case "only-if-cached":
			return cache.OnlyIfCached(), true
		}
		return nil, false
	}
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		return cache.MinVersion(n), name == "min-version"
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return nil, false
	}
	switch name {
	case "max-age":
		return cache.MaxAge(d), true
	case "min-fresh":
		return cache.MinFresh(d), true
	case "max-stale":
		return cache.MaxStale(d), true
	}
	return nil, false
}

// wordsOf returns the words that describe an outcome: its result, its detail,
// and the names of the flags that are set.
func wordsOf(o *cache.Outcome) []string {
	words := []string{o.Result.String(), o.Detail}
	v := reflect.ValueOf(*o)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Bool && f.Bool() {
			words = append(words, strings.ToLower(v.Type().Field(i).Name))
		}
	}
	return words
}
