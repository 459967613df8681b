// Command prober answers for the health of a CSI plugin over HTTP, in place of livenessprobe, whose
// flags it takes.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	address := flag.String("csi-address", "/run/csi/socket", "socket of the plugin")
	limit := flag.Duration("probe-timeout", 3*time.Second, "for one call")
	port := flag.String("health-port", "9808", "port of /healthz")
	endpoint := flag.String("http-endpoint", "", "address of /healthz, in place of the port")
	flag.Int("v", 0, "ignored")
	flag.Parse()

	connection, err := grpc.NewClient("unix://"+strings.TrimPrefix(*address, "unix://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	identity := csi.NewIdentityClient(connection)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), *limit)
		defer cancel()
		answer, err := identity.Probe(ctx, &csi.ProbeRequest{})
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case answer.Ready != nil && !answer.Ready.Value:
			http.Error(w, "the plugin is not ready", http.StatusInternalServerError)
		default:
			w.Write([]byte("ok"))
		}
	})
	if *endpoint == "" {
		*endpoint = ":" + *port
	}
	log.Fatal(http.ListenAndServe(*endpoint, nil))
}
