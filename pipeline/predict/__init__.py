"""What a manifest will cost a month before it is applied, beside what its workloads cost now."""
