// Command registrar announces a CSI node plugin to kubelet, in place of csi-node-driver-registrar,
// whose flags it takes.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

type server struct {
	registration.UnimplementedRegistrationServer
	info *registration.PluginInfo
}

func (s server) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return s.info, nil
}

func (s server) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		log.Fatalf("kubelet refused %s: %s", s.info.Name, status.Error)
	}
	log.Printf("registered %s", s.info.Name)
	return &registration.RegistrationStatusResponse{}, nil
}

func main() {
	address := flag.String("csi-address", "/run/csi/socket", "socket of the node plugin")
	seen := flag.String("kubelet-registration-path", "", "the same socket as kubelet sees it")
	directory := flag.String("plugin-registration-path", "/registration", "kubelet's directory for plugin sockets")
	health := flag.String("http-endpoint", "", "address for /healthz")
	flag.Duration("timeout", time.Second, "ignored")
	flag.Int("v", 0, "ignored")
	flag.Parse()

	connection, err := grpc.NewClient("unix://"+strings.TrimPrefix(*address, "unix://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	plugin, err := csi.NewIdentityClient(connection).GetPluginInfo(ctx, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
	if err != nil {
		log.Fatal(err)
	}
	connection.Close()

	socket := filepath.Join(*directory, plugin.Name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", socket) // removes the socket when it closes, which unregisters the plugin
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer()
	registration.RegisterRegistrationServer(s, server{info: &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: plugin.Name, Endpoint: *seen, SupportedVersions: []string{"1.0.0"},
	}})
	if *health != "" {
		http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) })
		go func() { log.Fatal(http.ListenAndServe(*health, nil)) }()
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		s.Stop()
	}()
	if err := s.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
