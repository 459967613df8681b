{{/*
What the schema of the values cannot say: names that must lead somewhere. The driver refuses the
same names when it starts; here the install or upgrade is refused, and nothing changes.
*/}}

{{- define "ldom-csi.checkValues" -}}
{{- include "ldom-csi.checkNames" . -}}
{{- $own := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" -}}
{{- range $pods := list "controller" "node" -}}
{{- $values := get $.Values $pods -}}
{{- range $key, $_ := $values.podLabels -}}
{{- if has $key $own -}}
{{- fail (printf "%s.podLabels has %s, which the chart itself sets" $pods $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey $values.podAnnotations "kubectl.kubernetes.io/default-container" -}}
{{- fail (printf "%s.podAnnotations has kubectl.kubernetes.io/default-container, which the chart itself sets" $pods) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Names in `config`. A guest or class that names something is checked where it is rendered. */}}
{{- define "ldom-csi.checkNames" -}}
{{- $config := .Values.config -}}
{{- $hosts := dict "known" $config.hosts "in" "config.hosts" -}}
{{- $machines := dict "known" $config.machines "in" "config.machines" -}}
{{- range $name, $machine := $config.machines -}}
{{- $at := printf "config.machines.%s" $name -}}
{{- include "ldom-csi.checkName" (merge (dict "name" $machine.controlDomain "at" (printf "%s.controlDomain" $at)) $hosts) -}}
{{- range $domain, $host := $machine.serviceDomains -}}
{{- include "ldom-csi.checkName" (merge (dict "name" $host "at" (printf "%s.serviceDomains.%s" $at $domain)) $hosts) -}}
{{- end -}}
{{- end -}}
{{- range $index, $guest := $config.guests -}}
{{- include "ldom-csi.checkName" (merge (dict "name" $guest.machine "at" (printf "config.guests[%d].machine" $index)) $machines) -}}
{{- end -}}
{{- range $name, $pool := $config.pools -}}
{{- include "ldom-csi.checkName" (merge (dict "name" $pool.host "at" (printf "config.pools.%s.host" $name)) $hosts) -}}
{{- range $index, $path := $pool.paths -}}
{{- $at := printf "config.pools.%s.paths[%d]" $name $index -}}
{{- include "ldom-csi.checkName" (merge (dict "name" $path.machine "at" (printf "%s.machine" $at)) $machines) -}}
{{- $domains := (get $config.machines $path.machine).serviceDomains -}}
{{- if $domains -}}
{{- include "ldom-csi.checkName" (dict "name" ($path.serviceDomain | default "") "at" (printf "%s.serviceDomain" $at) "known" $domains "in" (printf "config.machines.%s.serviceDomains" $path.machine)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Arguments: name, at (the value that says it), known (a map), in (the value that has them). */}}
{{- define "ldom-csi.checkName" -}}
{{- if not (hasKey .known .name) -}}
{{- fail (printf "%s is %s, which %s does not have" .at .name .in) -}}
{{- end -}}
{{- end -}}

{{/* A StorageClass that no volume could be made of. Arguments: root, name, class. */}}
{{- define "ldom-csi.checkStorageClass" -}}
{{- $pools := .root.Values.config.pools | default dict -}}
{{- $at := printf "storageClasses.%s" .name -}}
{{- $parameters := .class.parameters | default dict -}}
{{- $name := $parameters.pool | default (keys $pools | first) | default "" -}}
{{- if not $pools -}}
{{- fail (printf "%s needs a pool, and config.pools is empty" $at) -}}
{{- else if not (hasKey $pools $name) -}}
{{- fail (printf "%s names pool %s, which config.pools does not have" $at $name) -}}
{{- else if and (not $parameters.pool) (gt (len $pools) 1) -}}
{{- fail (printf "%s names no pool, and config.pools has several: %s" $at (keys $pools | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $pool := get $pools $name -}}
{{- $machines := list -}}
{{- range $pool.paths -}}
{{- if and (has .machine $machines) (gt (int64 $parameters.vdiskTimeoutSeconds) 0) -}}
{{- fail (printf "%s has vdiskTimeoutSeconds, and pool %s has several paths to %s: the time-out could fail I/O before the guest has found the other" $at $name .machine) -}}
{{- end -}}
{{- $machines = append $machines .machine -}}
{{- end -}}
{{- if gt (int64 $parameters.vdiskTimeoutSeconds) 2147483647 -}}
{{- fail (printf "%s has vdiskTimeoutSeconds %s: the most is 2147483647" $at $parameters.vdiskTimeoutSeconds) -}}
{{- end -}}
{{- if and (eq $pool.design "lun") (eq ($parameters.export | default "full") "slice") -}}
{{- fail (printf "%s has export slice, and pool %s of design lun exports whole disks only" $at $name) -}}
{{- end -}}
{{- $key := printf "%s/machine" (include "ldom-csi.driverName" .root) -}}
{{- range .class.allowedTopologies -}}
{{- range .matchLabelExpressions -}}
{{- if ne .key $key -}}
{{- fail (printf "%s allows topologies by the key %s; volumes are told apart by %s" $at .key $key) -}}
{{- end -}}
{{- range .values -}}
{{- if not (has . $machines) -}}
{{- fail (printf "%s allows machine %s, which no path of pool %s serves" $at . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if eq (get $parameters "csi.storage.k8s.io/fstype" | toString) "ufs" -}}
{{- include "ldom-csi.needSolaris" (dict "root" .root "says" (printf "%s has fstype ufs" $at)) -}}
{{- if ne (.class.volumeBindingMode | default "WaitForFirstConsumer") "Immediate" -}}
{{- fail (printf "%s has fstype ufs and waits for a pod, which a Solaris guest does not have: set volumeBindingMode to Immediate" $at) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Refuses ufs where only guests with Linux get disks. Arguments: root, says. */}}
{{- define "ldom-csi.needSolaris" -}}
{{- $platforms := list -}}
{{- range .root.Values.guestDisks.config.guests -}}
{{- $platforms = append $platforms .platform -}}
{{- end -}}
{{- if not (and .root.Values.guestDisks.enabled (has "solaris" $platforms)) -}}
{{- fail (printf "%s, and guestDisks has no guest with Solaris: Linux cannot mount it" .says) -}}
{{- end -}}
{{- end -}}

{{/* Arguments: value (its name), classes, annotation (of the default). */}}
{{- define "ldom-csi.checkDefault" -}}
{{- $annotation := .annotation -}}
{{- $defaults := list -}}
{{- range $name, $class := .classes -}}
{{- if or $class.default (eq (get ($class.annotations | default dict) $annotation) "true") -}}
{{- $defaults = append $defaults $name -}}
{{- end -}}
{{- end -}}
{{- if gt (len $defaults) 1 -}}
{{- fail (printf "%s has several defaults: %s" .value (join ", " $defaults)) -}}
{{- end -}}
{{- end -}}
