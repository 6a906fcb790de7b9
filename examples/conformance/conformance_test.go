package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/freshet-io/freshet/examples/conformance/internal/report"
	"github.com/freshet-io/freshet/examples/conformance/internal/subject/freshet"
	"github.com/freshet-io/freshet/examples/conformance/internal/suite"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // the heap is small, and cases that measure it collect it themselves
	goleak.VerifyTestMain(m)
}

// TestFreshet plays every case on freshet.
func TestFreshet(t *testing.T) {
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			if err := suite.Play(t, freshet.Subject{}, &c); err != nil {
				t.Errorf("%s\n%v", c.Says, err)
			}
		})
	}
}

// rows are the behaviours that were asked for before there was a cache, by their tier: ids of cases.
var rows = map[int]string{
	1: `
F01 F05 F06 F07 F11 F12 F25 P01 P02 P05 P10 P11 A01 R04 R07 R09 R12 V01 V03 V06 V08 S03 S04 S05 S08
S09 S13 S15 I03 I05 I08 I13 I14 I15 K01 K02 K05 K07 K10 K11 K16 T01 T04 T09 T10 T11 T15 E01 E04 E06
E10 C02 C03 L01 L02 B01 B02 B03 O01
`,
	2: `
F02 F10 F15 F16 F17 F20 F21 F22 F26 P06 P07 A02 R02 R03 R08 R13 R14 R17 R18 V02 V07 V11 V12 V13 V16
S10 S14 S18 S19 I04 I09 I10 I23 I24 I25 I28 K06 K12 K15 K17 K20 K21 K22 K25 T05 T06 T14 T16 T19 E05
E09 E11 C04 C07 C08 C09 L06 L07 L08 B06 B07 B08 O04
`,
}

// TestEveryRowIsThere holds the cases against the rows in both directions: what is no row's is
// freshet's own, and says so by its id.
func TestEveryRowIsThere(t *testing.T) {
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	tiers := map[string]int{}
	for _, c := range cases {
		tiers[c.ID] = c.Tier
	}
	for tier, ids := range rows {
		for _, id := range strings.Fields(ids) {
			if tiers[id] != tier {
				t.Errorf("case %s is of tier %d (0: there is none), want %d", id, tiers[id], tier)
			}
			delete(tiers, id)
		}
	}
	for id := range tiers {
		if !strings.HasPrefix(id, "freshet-") {
			t.Errorf("case %s is no row's, and does not begin with freshet-", id)
		}
	}
	for _, id := range suite.Later {
		if tiers[id] != 0 {
			t.Errorf("case %s is listed as one for later", id)
		}
	}
}

// TestREADME holds the table of README.md, and the lists of BASELINES.md, against what comes of
// playing the cases. Set FRESHET_UPDATE to write them.
func TestREADME(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("plays every case on two more caches")
	}
	cases, err := suite.All()
	if err != nil {
		t.Fatal(err)
	}
	baselines := play(t, cases, subjects[1:])
	var table, lists bytes.Buffer
	// freshet passes all of them, or TestFreshet fails.
	if err := report.Markdown(&table, cases, append([]report.Column{{Name: subjects[0].Name()}}, baselines...)); err != nil {
		t.Fatal(err)
	}
	for _, c := range baselines {
		fmt.Fprintf(&lists, "\n## %s\n\nFails, of %d cases:\n\n", c.Name, len(cases))
		if err := report.Demands(&lists, cases, c); err != nil {
			t.Fatal(err)
		}
	}
	hold(t, "README.md", "<!-- table -->\n", "<!-- end of table -->\n", table.String())
	hold(t, "BASELINES.md", "<!-- lists -->\n", "<!-- end of lists -->\n", lists.String())
	hold(t, "../../README.md", "<!-- conformance -->", "<!-- end of conformance -->", fmt.Sprintf(
		"%d cases: freshet passes all, a map with lifetimes and singleflight %d, an interceptor over otter %d",
		len(cases), passed(baselines[0]), passed(baselines[1])))
}

func passed(c report.Column) (n int) {
	for _, r := range c.Results {
		if r.Passed() {
			n++
		}
	}
	return n
}

// hold holds what stands between two marks of a file against what is to stand there.
func hold(t *testing.T, file, begin, end, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has no %q and %q", file, begin, end)
	case got == want:
	case os.Getenv("FRESHET_UPDATE") == "":
		t.Errorf("%s is not what comes of it (-has +is):\n%s", file, cmp.Diff(strings.Split(got, "\n"), strings.Split(want, "\n")))
	default:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
