{{/* What the container guest-disks needs: its file, and the keys of guests that the file leads to. */}}

{{/* The file: `guestDisks.config` with the driver's name, and the paths of keys it leaves out. */}}
{{- define "ldom-csi.guestDisksFile" -}}
{{- $config := .Values.config -}}
{{- $ssh := .Values.guestDisks.ssh -}}
{{- $file := deepCopy .Values.guestDisks.config -}}
{{- $nodes := dict -}}
{{- range $node, $guest := .Values.node.guests -}}
{{- $_ := set $nodes $guest $node -}}
{{- end -}}
{{- $seen := dict -}}
{{- range $entry := $file.guests -}}
{{- $name := printf "%s/%s" .machine .guest -}}
{{- if hasKey $seen $name -}}
{{- fail (printf "guestDisks.config.guests has %s twice" $name) -}}
{{- end -}}
{{- $_ := set $seen $name true -}}
{{- if hasKey $nodes $name -}}
{{- fail (printf "guestDisks.config.guests has %s, which is node %s by node.guests: kubelet mounts its volumes, so remove it from one of the two" $name (get $nodes $name)) -}}
{{- end -}}
{{- $rule := include "ldom-csi.guestRule" (dict "root" $ "machine" .machine "guest" .guest "says" (printf "guestDisks.config.guests has %s" $name)) | fromYaml -}}
{{- if ne $rule.platform .platform -}}
{{- fail (printf "guestDisks.config.guests calls %s a guest with %s, and config.guests one with %s" $name .platform $rule.platform) -}}
{{- end -}}
{{- with (get $config.machines .machine).hypervisor -}}
{{- $_ := set $entry "hypervisor" . -}}
{{- end -}}
{{- if .local -}}
{{- fail (printf "guestDisks.config.guests says local of %s: a pod reaches every guest over SSH" $name) -}}
{{- end -}}
{{- if .ssh -}}
{{- range $key, $item := dict "privateKeyFile" $ssh.privateKey "knownHostsFile" $ssh.knownHosts -}}
{{- $path := get $entry.ssh $key -}}
{{- if not $path -}}
{{- $secret := required (printf "the ssh of %s in guestDisks.config.guests has no %s: set guestDisks.ssh.secretName" $name $key) $ssh.secretName -}}
{{- $_ := set $entry.ssh $key (printf "/etc/ldom-csi/ssh/%s/%s" $secret $item) -}}
{{- else if not (regexMatch (include "ldom-csi.secretPath" .) $path) -}}
{{- fail (printf "%s of %s in guestDisks.config.guests is %s: in a pod it is /etc/ldom-csi/ssh/<secret>/<key>" $key $name $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $_ := set $file "driverName" (include "ldom-csi.driverName" .) -}}
{{- toYaml $file -}}
{{- end -}}

{{/* The keys of guests, by Secret, as a JSON map. */}}
{{- define "ldom-csi.guestSecrets" -}}
{{- $logins := list -}}
{{- range (include "ldom-csi.guestDisksFile" . | fromYaml).guests -}}
{{- if .ssh -}}
{{- $logins = append $logins .ssh -}}
{{- end -}}
{{- end -}}
{{- include "ldom-csi.secretsOf" $logins -}}
{{- end -}}

{{- define "ldom-csi.guestDisks" -}}
# Not ready until the driver beside it holds the Lease, and ended when that ends. No other container
# has the keys of guests.
- name: guest-disks
  image: {{ include "ldom-csi.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - guest-disks
    - --config=/etc/ldom-csi/guest-disks.yaml
    - --controller=unix:///run/csi/csi.sock
    - --log-level={{ .Values.guestDisks.logLevel }}
  env:
    {{- include "ldom-csi.fromField" (dict "name" "POD_NAME" "field" "metadata.name") | nindent 4 }}
    {{- include "ldom-csi.fromField" (dict "name" "POD_NAMESPACE" "field" "metadata.namespace") | nindent 4 }}
    - name: NODE_OPTIONS
      value: {{ .Values.guestDisks.nodeOptions | quote }}
  securityContext:
    {{- include "ldom-csi.unprivileged" . | nindent 4 }}
  resources:
    {{- toYaml .Values.guestDisks.resources | nindent 4 }}
  volumeMounts:
    - { name: socket, mountPath: /run/csi }
    - { name: guest-disks, mountPath: /etc/ldom-csi, readOnly: true }
{{- end -}}
