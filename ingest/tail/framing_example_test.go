package tail_test

import (
	"fmt"
	"strings"

	"github.com/outmode/outmode/ingest/tail"
)

// An answer that is written while it is read: what was read of it first need not be read again.
func ExampleScanner_ResetForm() {
	form := tail.Form{Framing: tail.JSON, Arrays: [][]string{{"value"}}}
	answer := `{"@odata.context": "signIns", "value": [{"id": 1}, {"id": 2}, {"id"`
	var at tail.Mark
	for range 2 {
		var s tail.Scanner
		if err := s.ResetForm(strings.NewReader(answer[at.Offset:]), form, at); err != nil {
			fmt.Println(err)
			return
		}
		for s.Next() {
			fmt.Printf("%s at %d, %v\n", s.Text(), s.Offset(), s.State())
			if s.Terminated() {
				at = tail.Mark{Offset: s.Offset() + s.Size(), Encoding: s.Encoding(), Context: s.Context()}
			}
		}
		answer += `: 3}], "@odata.nextLink": "..."}`
	}
	// Output:
	// {"id": 1} at 40, complete
	// {"id": 2} at 51, complete
	// {"id" at 62, unfinished
	// {"id": 3} at 62, complete
}
