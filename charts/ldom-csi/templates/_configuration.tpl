{{/* The configuration files of controller and nodes, from `config`, `ssh` and `node`. */}}

{{/* The controller's file: what `config` says, with the paths of keys that it leaves out. */}}
{{- define "ldom-csi.controllerFile" -}}
{{- if not .Values.config -}}
{{- fail "config is empty: give the controller's configuration, see docs/configuration.md" -}}
{{- end -}}
{{- $ssh := .Values.ssh -}}
{{- $config := deepCopy .Values.config -}}
{{- range $name, $host := $config.hosts -}}
{{- if hasKey $host "local" -}}
{{- fail (printf "config.hosts.%s says local: a pod reaches every host over SSH" $name) -}}
{{- end -}}
{{- if not $host.ssh -}}
{{- fail (printf "config.hosts.%s has no ssh: a pod reaches every host over SSH" $name) -}}
{{- end -}}
{{- range $key, $file := dict "privateKeyFile" $ssh.privateKey "knownHostsFile" $ssh.knownHosts -}}
{{- $path := get $host.ssh $key -}}
{{- if not $path -}}
{{- $secret := required (printf "config.hosts.%s.ssh has no %s: set ssh.secretName" $name $key) $ssh.secretName -}}
{{- $_ := set $host.ssh $key (printf "/etc/ldom-csi/ssh/%s/%s" $secret $file) -}}
{{- else if not (regexMatch (include "ldom-csi.secretPath" .) $path) -}}
{{- fail (printf "config.hosts.%s.ssh.%s is %s: in a pod it is /etc/ldom-csi/ssh/<secret>/<key>" $name $key $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What the path of a key looks like: a Secret, and a key of it. */}}
{{- define "ldom-csi.secretPath" -}}
^/etc/ldom-csi/ssh/[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Za-z0-9._-]+$
{{- end -}}

{{/* The keys that the controller's file leads to, by Secret, as a JSON map. */}}
{{- define "ldom-csi.sshSecrets" -}}
{{- $logins := list -}}
{{- range (include "ldom-csi.controllerFile" . | fromYaml).hosts -}}
{{- $logins = append $logins .ssh -}}
{{- end -}}
{{- include "ldom-csi.secretsOf" $logins -}}
{{- end -}}

{{/* The same of any list of logins. */}}
{{- define "ldom-csi.secretsOf" -}}
{{- $secrets := dict -}}
{{- range . -}}
{{- range list .privateKeyFile .knownHostsFile -}}
{{- $words := splitList "/" . -}}
{{- $secret := index $words 4 -}}
{{- $_ := set $secrets $secret (append (get $secrets $secret | default list) (index $words 5) | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end -}}

{{/*
The first rule of `config.guests` that matches a guest. Arguments: root, machine, guest, says (which
value names the guest).
*/}}
{{- define "ldom-csi.guestRule" -}}
{{- $config := .root.Values.config -}}
{{- $machine := .machine -}}
{{- $guest := .guest -}}
{{- if not (hasKey ($config.machines | default dict) $machine) -}}
{{- fail (printf "%s and names machine %s, which config.machines does not have" .says $machine) -}}
{{- end -}}
{{- $found := dict -}}
{{- range $config.guests -}}
{{- $glob := .match | regexQuoteMeta | replace "\\*" ".*" | replace "\\?" "." -}}
{{- if and (not $found) (eq .machine $machine) (regexMatch (printf "^%s$" $glob) $guest) -}}
{{- $found = . -}}
{{- end -}}
{{- end -}}
{{- if not $found -}}
{{- fail (printf "%s, which no entry of config.guests matches: it would get no disk" .says) -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/*
The file of one node plugin. It says of its guest what the controller's file says: the driver's
switches, and the limit of the first rule that matches the guest.
*/}}
{{- define "ldom-csi.nodeFile" -}}
{{- $values := .root.Values -}}
{{- $config := $values.config -}}
{{- $machine := index (splitList "/" .guest) 0 -}}
{{- $guest := index (splitList "/" .guest) 1 -}}
{{- $says := printf "node.guests.%s is %s" .node .guest -}}
{{- $found := include "ldom-csi.guestRule" (dict "root" .root "machine" $machine "guest" $guest "says" $says) | fromYaml -}}
{{- if ne $found.platform "linux" -}}
{{- fail (printf "node.guests.%s is %s, which config.guests calls %s: a node plugin in a pod serves a Linux guest" .node .guest $found.platform) -}}
{{- end -}}
{{- $node := dict "machine" $machine "guest" $guest "platform" "linux" "shell" (dict "local" true) -}}
{{- with (get $config.machines $machine).hypervisor -}}
{{- $_ := set $node "hypervisor" . -}}
{{- end -}}
{{- if hasKey $found "attachLimit" -}}
{{- $_ := set $node "attachLimit" $found.attachLimit -}}
{{- end -}}
{{- if $values.node.root -}}
{{- $_ := set $node "root" ($values.node.root | replace "{machine}" $machine | replace "{guest}" $guest) -}}
{{- end -}}
{{- $file := pick $config "driverName" "cluster" "health" "snapshotTopology" -}}
{{- $_ := set $file "node" $node -}}
{{- toYaml $file -}}
{{- end -}}

{{/* All node files: the data of a ConfigMap. */}}
{{- define "ldom-csi.nodeFiles" -}}
{{- $guests := values .Values.node.guests -}}
{{- if ne (len $guests) (len (uniq $guests)) -}}
{{- fail "node.guests names one guest for two nodes" -}}
{{- end -}}
{{- range $node, $guest := .Values.node.guests }}
{{ $node }}.yaml: |
  {{- include "ldom-csi.nodeFile" (dict "root" $ "node" $node "guest" $guest) | nindent 2 }}
{{- end }}
{{- end -}}

{{/*
Refuses an upgrade that would change what Kubernetes cannot change in a class. `lookup` sees the
cluster only in an install or upgrade; elsewhere it finds nothing.
*/}}
{{- define "ldom-csi.refuseChange" -}}
{{- $wanted := .wanted -}}
{{- $found := lookup $wanted.apiVersion $wanted.kind "" $wanted.metadata.name -}}
{{- if $found -}}
{{- range .fields -}}
{{- $old := get $found . | default dict | toJson -}}
{{- $new := get $wanted . | default dict | toJson -}}
{{- if ne $old $new -}}
{{- fail (printf "%s %s exists with %s %s, and the values say %s. Kubernetes cannot change that: keep the old class as it is and add one of another name" $wanted.kind $wanted.metadata.name . $old $new) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
