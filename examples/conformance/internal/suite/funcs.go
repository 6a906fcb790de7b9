package suite

import (
	"testing"

	"github.com/freshet-io/freshet/examples/conformance/internal/script"
	"github.com/freshet-io/freshet/examples/conformance/internal/stage"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject"
)

// play plays a case; it returns a [*stage.Fault] or nil.
type play func(*testing.T, subject.Subject, *script.Case) error

// funcs are the cases that no list of steps can express.
var funcs = map[string]play{
	"budget":                    budget,
	"churn":                     onStage(churn),
	"collapsed-mutation":        collapsedMutation,
	"crowd":                     crowd,
	"extractor-fails":           extractorFails,
	"forget-one":                onStage(forgetOne),
	"full":                      full,
	"jitter":                    jitter,
	"large-group":               largeGroup,
	"many-groups":               manyGroups,
	"metadata-mutation":         metadataMutation,
	"mutation":                  mutation,
	"negative-details":          negativeDetails,
	"panics":                    panics,
	"schemas":                   schemas,
	"shadow":                    onStage(shadow),
	"silence":                   silence,
	"small-heap":                smallHeap,
	"status-key":                onStage(statusKey),
	"strange-directives":        strangeDirectives,
	"strange-messages":          strangeMessages,
	"too-many-groups":           tooManyGroups,
	"validations-write-nothing": validationsWriteNothing,
}

// onStage plays f on the case's own scene.
func onStage(f func(*stage.Stage)) play {
	return func(t *testing.T, s subject.Subject, c *script.Case) error {
		return within(t, s, c.Scene, stage.Options{}, f)
	}
}

// within is [stage.Within] with an error that is nil when there is none.
func within(t *testing.T, s subject.Subject, scene script.Scene, opts stage.Options, f func(*stage.Stage)) error {
	t.Helper()
	if failed := stage.Within(t, s, scene, opts, f); failed != nil {
		return failed
	}
	return nil
}

// get is a step that asks for a product.
func get(id string, want script.Want) *script.Step {
	return &script.Step{Call: script.Call{ID: id, Want: want}}
}

// answering is a scene in which the origin answers so.
func answering(scene script.Scene, r ...script.Reply) script.Scene {
	scene.Origin = r
	return scene
}
