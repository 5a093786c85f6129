package arch

// rule is what a package may import: packages of ours, and outside modules it
// owns. The standard library is free to all.
type rule struct {
	ours, outside []string
}

// Outside modules by short names.
const (
	a2apb    = "github.com/a2aproject/a2a-go/v2/a2apb/v1"
	protobuf = "google.golang.org/protobuf" // goes with a2apb: it is how its types are read and written
	uuid     = "github.com/google/uuid"
	sync     = "golang.org/x/sync"
)

// table is the import table: a direct import that is not in it fails.
var table = map[string]rule{
	"abi":                 {},
	"storage":             {},
	"storage/storagetest": {ours: []string{"storage"}},
	"storage/badgerdb":    {ours: []string{"storage"}, outside: []string{"github.com/dgraph-io/badger/v4", "github.com/dgraph-io/ristretto/v2", "golang.org/x/sys"}},
	"broker":              {},
	"broker/brokertest":   {ours: []string{"broker"}, outside: []string{"github.com/google/go-cmp", sync}},
	"internal/telemetry":  {outside: []string{"go.opentelemetry.io/otel", "go.opentelemetry.io/contrib", "github.com/prometheus"}},
	"internal/egress":     {ours: []string{"internal/telemetry"}, outside: []string{"code.dny.dev/ssrf"}},
	"tenant":              {ours: []string{"storage"}},
	"agent":               {ours: []string{"abi", "storage", "tenant"}, outside: []string{a2apb, protobuf, uuid, sync}},
	"agent/signing": {
		ours:    []string{"storage"},
		outside: []string{a2apb, protobuf, "google.golang.org/genproto/googleapis/api", "github.com/go-jose/go-jose/v4", "github.com/gowebpki/jcs"},
	},
	"host":             {ours: []string{"abi", "storage", "tenant", "internal/a2ajson", "internal/telemetry"}},
	"runtime":          {ours: []string{"abi", "host", "internal/telemetry", "runtime/compile", "runtime/image", "runtime/wasm", "runtime/rewrite", "runtime/schedule", "runtime/share"}, outside: []string{"github.com/tetratelabs/wazero", "golang.org/x/sys"}},
	"runtime/schedule": {outside: []string{"golang.org/x/sys"}},
	"runtime/share":    {},
	"runtime/image":    {outside: []string{"golang.org/x/sys"}},
	"runtime/wasm":     {ours: []string{"abi"}},
	"runtime/rewrite":  {ours: []string{"abi", "runtime/wasm"}},
	"runtime/compile":  {ours: []string{"runtime/share"}, outside: []string{"github.com/tetratelabs/wazero", "golang.org/x/sys", "github.com/landlock-lsm/go-landlock", "github.com/elastic/go-seccomp-bpf"}},
	"task":             {ours: []string{"agent", "broker", "storage", "tenant", "internal/telemetry"}, outside: []string{a2apb, protobuf, uuid, sync}},
	"task/worker":      {ours: []string{"task", "agent", "broker", "storage", "tenant", "internal/telemetry"}, outside: []string{a2apb}},
	"task/push": {
		ours:    []string{"task", "storage", "tenant", "internal/a2ajson", "internal/egress", "internal/telemetry"},
		outside: []string{a2apb, protobuf, "github.com/standard-webhooks/standard-webhooks", "golang.org/x/time"},
	},
	"task/wasm": {ours: []string{"task", "agent", "runtime", "host", "abi", "storage", "tenant", "internal/a2ajson", "internal/telemetry"}, outside: []string{a2apb, protobuf}},
	"server": {
		// Of storage the edge knows errors only: what is not there, and that nothing can be written.
		ours: []string{"abi", "agent", "agent/signing", "task", "tenant", "internal/a2ajson", "internal/telemetry", "storage", "server/docs", "server/v03"},
		// fasthttp is Fiber's own engine and comes with it.
		outside: []string{"github.com/gofiber/fiber/v2", "github.com/valyala/fasthttp", "github.com/danielgtaylor/huma/v2", a2apb, protobuf, "google.golang.org/grpc", "google.golang.org/genproto", uuid},
	},
	"server/v03":  {outside: []string{a2apb, protobuf}},
	"server/docs": {},
	"": {
		ours: []string{
			"abi", "agent", "agent/signing", "broker", "host", "runtime", "server", "server/v03", "storage", "storage/badgerdb", "task", "task/push", "task/wasm", "task/worker",
			"tenant", "internal/egress", "internal/seal", "internal/telemetry",
		},
		outside: []string{a2apb, protobuf, uuid, sync},
	},
	"cmd/carrel": {
		ours: []string{"", "abi", "agent", "agent/signing", "runtime", "runtime/compile", "host", "task", "task/wasm", "tenant", "storage", "storage/badgerdb", "internal/threads"},
		outside: []string{
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/knadh/koanf", "github.com/fsnotify/fsnotify",
			"github.com/a2aproject/a2a-go/v2", "github.com/cenkalti/backoff/v5", "google.golang.org/grpc", "golang.org/x/term", "github.com/mattn/go-isatty", "go.yaml.in/yaml/v3", protobuf, uuid, sync,
		},
	},
	"examples/embedded": {ours: []string{"", "abi", "agent", "task"}, outside: []string{a2apb}},
	"internal/a2ajson":  {outside: []string{a2apb, protobuf}},
	"internal/arch":     {},
	"internal/clients":  {},
	"internal/bench": {
		ours:    []string{"", "abi", "agent", "host", "runtime", "runtime/compile", "storage", "task", "internal/threads"},
		outside: []string{a2apb, "github.com/valyala/fasthttp", sync},
	},
	"internal/chromium": {},
	"internal/cputime":  {},
	"internal/faults":   {},
	"internal/fuzz":     {},
	"internal/gen":      {ours: []string{"abi"}, outside: []string{a2apb, protobuf}},
	"internal/programs": {ours: []string{"runtime/wasm"}},
	"internal/seal":     {},
	"internal/threads":  {outside: []string{"golang.org/x/sys"}},
}

// suites are packages that are test suites, and so may import testing.
var suites = map[string]bool{"storage/storagetest": true, "broker/brokertest": true, "internal/faults": true, "internal/chromium": true, "internal/cputime": true, "internal/programs": true}
